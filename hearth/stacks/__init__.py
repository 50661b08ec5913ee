"""Stacks of single developers: made from a stack file, recorded in .hearth/, removed without a trace."""
