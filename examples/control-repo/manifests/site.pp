# Overture says what a node is (its classes and parameters come from the classifier, before this file is read). An empty default is needed
# as soon as there is any other node block here: without it Puppet fails for every node that no block fits.
node default {}
