//! Every interleaving of a few threads that count one object, by a model checker.
