"""Value in, value out: Paths, Reference Paths, Payload Templates, Intrinsic Functions and JSONata, each compiled once.

The language compiles expressions, the interpreter evaluates them in a `scope.Scope`. Evaluation raises nothing but an ExpressionError.
"""
