import sys

from loadtests.samples.make_samples import main

sys.exit(main(sys.argv[1:]))
