"""The embedded services: moto in this process, with what it lacks or gets wrong in front of it.

`services.py` is the door, the rest of this folder what stands at it. `functions/` is Lambda, `events/` what brings events to functions,
`templates/` what deploys a SAM or CloudFormation template.
"""
