"""The service with one guard taken away, and the run that must notice.

A test that passes proves little until it is seen to fail. Each mutant is the present
source with a promise broken by a few exact replacements, made in a copy of the tree,
and it names the test that fails there and passes on the copy as it is.
"""
