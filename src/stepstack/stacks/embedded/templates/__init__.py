"""What deploys a SAM or CloudFormation template: reading, intrinsic functions, a maker for each family of resources, custom resources."""
