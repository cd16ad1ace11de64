import sys

from loadtests.peers.run_peers import main

sys.exit(main())
