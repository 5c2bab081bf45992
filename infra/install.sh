#!/bin/sh
# Brings a bare Debian or Ubuntu machine to where `wellhouse ops up` can take over, and does nothing when it is there.
#   infra/install.sh          what `make up` needs: PostgreSQL, fonts, Python, uv, the two Python environments
#   infra/install.sh --test   and what `make test` needs on top: Chromium, PDF tools, the group dev
# Packages are installed when we are root or may use sudo; otherwise one line says what to install.
# UV_PYTHON picks the Python (3.11 or 3.12); none is ever downloaded.
set -eu
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 DEBIAN_FRONTEND=noninteractive

say() { echo "install: $*"; }
die() { echo "install: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

setting() { # setting NAME: from the environment, else from .env
    eval "value=\${$1:-}"
    [ -n "$value" ] || { [ -f .env ] && value=$(sed -n "s/^$1=//p" .env | tail -n 1); } || true
    echo "$value"
}

good_python() { # prints the first Python that will do
    for candidate in ${UV_PYTHON:-} python3.12 python3.11 python3 /usr/bin/python3; do
        "$candidate" -c 'import sys; assert (3, 11) <= sys.version_info < (3, 13); print(sys.executable)' 2>/dev/null && return
    done
    return 1
}

postgres_server() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || have postgres; }

pgaudit() { # the package for the server that is here, or for the one that will be
    version=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sed 's|.*/postgresql/\([0-9]*\)/.*|\1|' | sort -n | tail -n 1)
    [ -n "$version" ] || version=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
    [ -z "$version" ] || echo "postgresql-$version-pgaudit"
}

needed_packages() {
    if [ -z "$(setting WELLHOUSE_DATABASE_URL)" ]; then
        postgres_server || echo postgresql
        have pgbackrest || echo pgbackrest
        ls /usr/share/postgresql/*/extension/pgaudit.control >/dev/null 2>&1 || pgaudit
    fi
    ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc >/dev/null 2>&1 || echo fonts-noto-cjk
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    good_python >/dev/null || echo python3
    if ! have uv && [ ! -x var/uv/bin/uv ]; then
        "$(good_python || echo false)" -c 'import venv, ensurepip' >/dev/null 2>&1 || echo python3-venv
    fi
    [ "$1" = --test ] || return 0
    have chromium || have chromium-browser || echo chromium
    have pdftotext || echo poppler-utils
    # of the browser driver of the tests
    PATH=$PATH:/usr/sbin:/sbin ldconfig -p | grep -q "libatomic\.so\.1" || echo libatomic1
}

install_packages() { # install_packages NAME…
    if [ "$(id -u)" -eq 0 ]; then sudo=
    elif have sudo && sudo -n true 2>/dev/null; then sudo=sudo
    else die "please install these packages first: apt-get install $*"
    fi
    have apt-get || die "please install with this machine's package manager: $*"
    say "installing $*"
    log=$(mktemp)
    apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >>"$log" 2>&1 || die "apt-get $1 failed: $(tail -n 1 "$log") (all of it: $log)"; }
    apt update
    case " $* " in *" postgresql "*)
        # the distribution must not make and start a cluster of its own: ours is private, under var
        apt install -y --no-install-recommends postgresql-common
        $sudo sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    esac
    apt install -y --no-install-recommends "$@"
    rm -f "$log"
}

ensure_uv() { # sets UV
    if have uv && uv --version >/dev/null 2>&1; then UV=uv; return; fi
    UV=var/uv/bin/uv
    [ -x "$UV" ] && return
    say "installing uv into var/uv"
    mkdir -p var
    "$(good_python)" -m venv var/uv
    var/uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9" || die "uv could not be installed: is the package index reachable?"
}

sync() { # sync ENVIRONMENT GROUP…: when the lock changed since the last time
    environment=$1; shift
    stamp=".venv-$environment/.synced-$(echo "$*" | tr ' ' '-')"
    version=$(cat uv.lock pyproject.toml | sha256sum)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$version" ] && return
    say "Python environment .venv-$environment ($*)"
    groups=; for group in "$@"; do groups="$groups --group $group"; done
    # Every task is a command of its own: where Python may not write its byte code, each would compile two thousand modules.
    compile=; [ "$environment" = pipeline ] && compile=--compile-bytecode
    # inexact: what `make test` added on top stays
    UV_PYTHON=$(good_python) UV_PROJECT_ENVIRONMENT=.venv-$environment "$UV" sync --quiet --frozen --inexact $compile $groups ||
        die "uv could not fill .venv-$environment: what it said is above"
    echo "$version" >"$stamp"
}

mode=${1:-}
packages=$(needed_packages "$mode" | sort -u | tr '\n' ' ')
[ -z "$packages" ] || install_packages $packages
good_python >/dev/null || die "Python 3.11 or 3.12 is needed: install one, or point UV_PYTHON at it"
ensure_uv
sync superset superset
if [ "$mode" = --test ]; then sync pipeline pipeline dev; else sync pipeline pipeline; fi
