"""Hearth: private LLM platforms as code.

`hearth` computes (settings, plan, offline evaluation, rehearsal) and declares no resource;
`components` declares Pulumi resources and decides nothing.
"""
