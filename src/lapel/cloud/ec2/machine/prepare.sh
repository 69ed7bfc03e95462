#!/usr/bin/env bash
# As root, once, at a machine's first start: gives its home to USER, brings tmux and Python's venv
# where the image has none, and lets USER install Lapel.   prepare.sh USER HOME
set -u
user=$1
home=$2
here=$(dirname "$0")

# Ubuntu looks for updates by itself at the first start, and holds the locks of packages meanwhile.
quiet() { systemctl stop apt-daily.timer apt-daily-upgrade.timer apt-daily apt-daily-upgrade; }

apt() { # waits for the lock on packages; none waits for that on their lists
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

packages() { # names of Debian's and Ubuntu's, or of Amazon Linux's and Fedora's packages
  if command -v apt-get > /dev/null; then
    quiet
    for attempt in 1 2 3 4 5; do
      apt update
      apt -y install $1 && return
      sleep 15
    done
  elif command -v dnf > /dev/null; then
    dnf -qy install $2
  fi
}

mkdir -p "$home/jobs" "$home/work" "$home/wheels"
chown -R "$user" "$home"
# Sessions of tmux outlive the connection that began them.
loginctl enable-linger "$user" || true

command -v tmux > /dev/null || packages tmux tmux
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }
if ! recent python3 && ! recent /opt/pytorch/bin/python; then
  packages "python3.11 python3.11-venv" python3.12
elif ! python3 -c 'import ensurepip' 2> /dev/null; then
  packages python3-venv python3-pip # Debian and Ubuntu part ensurepip from Python
fi
# cloud-init has no HOME, and root's would be no place for what pip keeps.
own=$(getent passwd "$user" | cut -d: -f6)
exec runuser -u "$user" -- env HOME="$own" LAPEL_MACHINE="$home" bash "$here/install.sh"
