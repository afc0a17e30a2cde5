"""How the browsers are started: with nothing of the user's, and asking no other machine for anything."""

import json
import os
from typing import Any, Dict, List

import serve

#: Chromium's arguments.
_CHROMIUM = (
    "--headless",
    # On every machine: a guest has around it what it has in Node.
    "--no-sandbox",
    "--no-zygote",
    "--no-first-run",
    "--no-default-browser-check",
    # No name of a different machine is found.
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-hang-monitor",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    # Without, a module of 8 MiB and more is not compiled on the main thread.
    "--enable-features=WebAssemblyUnlimitedSyncCompilation",
    "--metrics-recording-only",
    "--no-pings",
    "--password-store=basic",
)
#: Firefox's preferences.
_FIREFOX = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.ipc.processPrelaunch.enabled": False,
    "dom.ipc.reportProcessHangs": False,
    "dom.max_script_run_time": 0,
    # All but this machine is behind a proxy that is not there.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.failover_direct": False,
    "network.dns.disabled": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "privacy.reduceTimerPrecision": False,
    # As in Chromium.
    "security.sandbox.content.level": 0,
    "toolkit.telemetry.enabled": False,
}
#: No reports of crashes.
ENVIRONMENT = {"MOZ_CRASHREPORTER_DISABLE": "1"}


def arguments(options: Dict[str, Any], home: str) -> List[str]:
    """Of the browser that the options say, whose files are in the folder ``home``."""
    if "prefs" in options:
        prefs = {**_FIREFOX, **options["prefs"]}
        lines = [
            "user_pref(%s, %s);\n" % (json.dumps(name), json.dumps(value)) for name, value in prefs.items()
        ]
        with open(os.path.join(home, "user.js"), "w") as stream:
            stream.writelines(lines)
        return ["--headless", "--no-remote", "--profile", home]
    flags = [*options["flags"], "--stack-size=%d" % (serve.engine_stack() >> 10)]
    return [*_CHROMIUM, "--user-data-dir=" + home, "--js-flags=" + " ".join(flags)]
