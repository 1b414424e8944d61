"""Names that other tools have for the formats of the registry, in lower case.

GoAccess: https://goaccess.io/man, option `--log-format`. CLF is the Common Log Format of the W3C's httpd.
"""

ALIASES = {
    "alb": "aws_alb",
    "awsalb": "aws_alb",
    "awselb": "aws_elb",
    "awss3": "aws_s3",
    "clf": "common",
    "cloudfront": "aws_cloudfront",
    "main": "nginx_main",
    "ncsa": "common",
    "nginx": "combined",
    "traefikclf": "traefik_common",
    "vcombined": "vhost_combined",
    "vcommon": "host_common",
}

OF_HEADERS = frozenset({"iis", "w3c"})
"""Names of formats whose fields the file says itself."""
