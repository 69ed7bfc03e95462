#!/usr/bin/env bash
# Runs one job inside tmux: the file `command` in the folder work, what it says to the terminal
# and to `log`, its exit code to `exit`, written whole.   job.sh FOLDER
# tmux's own word for an exit code is that of the last command of a pane, so that it is not asked.
folder=$1
cd "$folder" || exit 1
# Held as long as the job runs, and let go by the system however it ends.
exec 9> lock
flock 9
# A signal that is meant for the job ends the job; this script lives to write its exit code. Not
# so when its terminal is closed: who closes the session hangs up on this script alone, and the
# system hangs up on the job when this script has ended.
trap : INT QUIT TERM
[ -r ../../environment ] && . ../../environment
PATH=$(cd ../.. && pwd)/venv/bin:$PATH
export PATH
echo $$ > shell
date +%s > started
cd ../../work || exit 1
(
  exec 9>&-
  # The number of this process is the job's own: the command takes its place.
  exec bash -c 'echo $$ > "$1/pid"; . "$1/command"' job "$folder"
) 2>&1 | (
  exec 9>&-
  trap '' HUP INT QUIT TERM
  exec tee -a "$folder/log"
)
code=${PIPESTATUS[0]}
cd "$folder" || exit 1
date +%s > ended
echo "$code" > exit.partial && sync exit.partial && mv exit.partial exit
