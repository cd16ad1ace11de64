from vecgate.cli.main import main

main()
