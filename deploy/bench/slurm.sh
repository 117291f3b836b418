#!/bin/bash
#SBATCH --job-name=hullo-bench
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=10
# hullo bench from several machines at once, and one report of all: a job for Slurm.
#
#   sbatch --nodes=8 deploy/bench/slurm.sh -z 30s -c 100 http://server.example/path
#
# The arguments are those of hullo bench on each machine. The folder that the job is submitted from must be
# shared by all: hullo-bench-JOB in it gets a result of each machine, and slurm-JOB.out the report. When one
# machine fails, all are stopped. HULLO names the binary.
set -euo pipefail

hullo=${HULLO:-hullo}
results=hullo-bench-$SLURM_JOB_ID
mkdir "$results"

# All begin with the next ten seconds of their clocks. scancel ends the run, and results so far are written.
srun --kill-on-bad-exit=1 --output="$results/%t.json" --error="$results/%t.err" \
    "$hullo" bench --align=10s --output=json "$@"

"$hullo" bench --merge "$results"/*.json
