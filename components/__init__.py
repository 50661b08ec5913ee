"""Pulumi components of a private LLM platform. They declare resources and decide nothing: each transcribes its part of

the plan, and each is usable on its own from another Pulumi program.
"""
