#!/usr/bin/env bash
# As the machine's user: Lapel into an environment of its own, below $LAPEL_MACHINE. What it says
# goes to setup.log; its exit code to setup.exit, written whole, when it is done.
# LAPEL_PYTHONS: programs to choose from, the first of 3.11 or newer is taken.
set -u
cd "${LAPEL_MACHINE:-/opt/lapel}" || exit 1
. ./environment
pythons=${LAPEL_PYTHONS:-"/opt/pytorch/bin/python python3 python3.13 python3.12 python3.11"}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }

chosen() {
  for python in $pythons; do
    if recent "$python"; then
      echo "$python"
      return
    fi
  done
  echo "Lapel needs Python 3.11 or newer, and this image has none of: $pythons" >&2
  return 1
}

make_environment() { # an environment that also sees what lies beside the chosen Python, such as torch
  local python
  python=$(chosen) || return 1
  [ -x venv/bin/python ] || "$python" -m venv venv || return 1
  local own beside
  own=$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') || return 1
  beside=$("$python" -c 'import sys, sysconfig
print(sysconfig.get_path("purelib") if sys.prefix != sys.base_prefix else "")') || return 1
  [ -n "$beside" ] || return 0
  echo "$beside" > "$own/beside.pth"
  # The one that an older Python puts into each environment would hide the one beside.
  venv/bin/python -m pip uninstall --disable-pip-version-check -qy setuptools
}

# From S3 a wheel comes to this disk by the machine's role; another comes from whoever runs the
# first job, over SSH.
fetched() { # prints what pip shall install
  case $LAPEL_INSTALL in
    s3://*) ;;
    sent) echo "$(ls "$PWD"/wheels/*.whl)[train,aws]"; return ;;
    *) echo "$LAPEL_INSTALL"; return ;;
  esac
  venv/bin/python -m pip install --disable-pip-version-check -q boto3 >&2 || return 1
  venv/bin/python - "$LAPEL_INSTALL" <<'PYTHON'
import os, re, sys, boto3
place, extras = re.fullmatch(r"s3://(.+?\.whl)(\[.*\])?", sys.argv[1]).groups()
bucket, key = place.split("/", 1)
os.makedirs("wheels", exist_ok=True)
file = "wheels/" + key.rsplit("/", 1)[-1]
boto3.client("s3").download_file(bucket, key, file)
print(os.path.abspath(file) + (extras or "[train,aws]"))
PYTHON
}

install() {
  make_environment || return 1
  local what
  what=$(fetched) || return 1
  echo "installing $what"
  venv/bin/python -m pip install --disable-pip-version-check "$what" || return 1
  # A wheel of the same version as one that is there already is not the same code.
  case $what in
    /*) venv/bin/python -m pip install --disable-pip-version-check --force-reinstall --no-deps \
      "$what" || return 1 ;;
  esac
  venv/bin/lapel --version
}

needs() { # what the wheel will need, while it is on its way; some gigabytes
  make_environment || return 1
  set -f # names such as ray[data] are no patterns of files
  venv/bin/python -m pip install --disable-pip-version-check $LAPEL_NEEDS
}

# Two installations at once would break each other.
exec 9> setup.lock
flock -n 9 || exit 0
rm -f setup.exit setup.wants setup.taken
if [ "$LAPEL_INSTALL" = sent ] && ! ls wheels/*.whl > /dev/null 2>&1; then
  # Let go before anybody is told to send: what is started then must not find the lock taken.
  needs > setup.log 2>&1 && exec 9>&- && : > setup.wants && exit 0
  code=1
else
  install >> setup.log 2>&1
  code=$?
fi
echo "$code" > setup.exit.partial && sync setup.exit.partial && mv setup.exit.partial setup.exit
exit "$code"
