"""Tools for your own tests: a clock, a scripted service, a simulation of the batch client, and strategies.

`strategies` needs Hypothesis; the other modules need only vecgate. Production code never imports this
package.
"""
