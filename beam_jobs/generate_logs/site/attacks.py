"""What scanners send: single probes at any time, and once a day an attack that tries everything it knows."""

from __future__ import annotations

from beam_jobs.generate_logs.site import agents
from beam_jobs.generate_logs.site.browsers import draw_person
from beam_jobs.generate_logs.site.draws import Draws
from beam_jobs.generate_logs.site.hits import Hit, duration, not_found
from beam_jobs.generate_logs.site.networks import HOSTING
from beam_jobs.generate_logs.site.pages import LOGIN, PROBE, SHOP, WWW, Host

PROBES, SQL_INJECTION, TRAVERSAL, XSS, BRUTE_FORCE = "probe", "sql_injection", "path_traversal", "xss", "brute_force"

_SOUGHT = (
    "/.env",
    "/.env.production",
    "/.git/config",
    "/.aws/credentials",
    "/wp-login.php",
    "/xmlrpc.php",
    "/wp-content/plugins/hellopress/wp_filemanager.php",
    "/phpmyadmin/index.php",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/actuator/env",
    "/server-status",
    "/backup.sql",
    "/cgi-bin/luci/;stok=/locale",
    "/boaform/admin/formLogin",
)
_INJECTED = {
    SQL_INJECTION: (
        "/search?q=1%27%20OR%20%271%27%3D%271",
        "/search?q=1%27%20UNION%20SELECT%20NULL%2Cversion%28%29--%20-",
        "/tent?id=7%20AND%20SLEEP%285%29",
        "/tent?id=7%27%3B%20DROP%20TABLE%20users--",
        "/search?q=1%20AND%20EXTRACTVALUE%281%2CCONCAT%280x7e%2Cversion%28%29%29%29",
    ),
    TRAVERSAL: (
        "/../../../../etc/passwd",
        "/images/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/download?file=../../../../etc/shadow",
        "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh",
        "/download?file=..%5c..%5cwindows%5cwin.ini",
    ),
    XSS: (
        "/search?q=%3Cscript%3Ealert%281%29%3C%2Fscript%3E",
        "/search?q=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E",
        "/contact?name=%3Csvg%2Fonload%3Dalert%281%29%3E",
    ),
}


def probe(draws: Draws, host: Host, second: int) -> list[Hit]:
    """One address looks for two or three things that are often left lying about."""
    client = agents.SCANNERS.draw(draws).client(draws)
    return [
        not_found(draws, second + number, client, host.name, draws.one_of(_SOUGHT), resource=PROBE, attack=PROBES)
        for number in range(draws.between(1, 3))
    ]


def attack(draws: Draws, first: int, seconds: int, hits: int, visit: int) -> list[Hit]:
    """Attack the site: probes, injections, and half of all requests a brute force on the login.

    The brute force comes from one address with the user agent of a browser, which therefore counts as a visitor; all
    else from a scanner that says what it is.

    Args:
        draws: What to draw from.
        first: Its first second.
        seconds: How long it lasts, below 30 minutes.
        hits: How many requests.
        visit: Number of the visit that the disguised client seems to make.
    """
    scanner = agents.SCANNERS.draw(draws).client(draws)
    network = HOSTING.draw(draws)
    disguised = draw_person(draws)
    disguised = type(disguised)(
        network.address(draws), disguised.user_agent, disguised.kind, disguised.name, network.country
    )
    found = []
    for _ in range(hits):
        second, does = first + draws.below(seconds), draws.random()
        if does < 0.5:
            found.append(
                Hit(
                    second,
                    disguised,
                    WWW.name,
                    "POST",
                    LOGIN.target,
                    401,
                    1_204,
                    f"https://{WWW.name}{LOGIN.target}",
                    duration(draws, 60),
                    LOGIN.kind,
                    visit=visit,
                    attack=BRUTE_FORCE,
                )
            )
        elif does < 0.8:
            found.append(
                not_found(draws, second, scanner, WWW.name, draws.one_of(_SOUGHT), resource=PROBE, attack=PROBES)
            )
        else:
            kind = draws.one_of((SQL_INJECTION, TRAVERSAL, XSS))
            status = 400 if kind == TRAVERSAL else 403
            found.append(
                not_found(
                    draws,
                    second,
                    scanner,
                    SHOP.name,
                    draws.one_of(_INJECTED[kind]),
                    status=status,
                    size=150,
                    resource=PROBE,
                    attack=kind,
                )
            )
    return found
