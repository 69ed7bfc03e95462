"""Public benchmarks as their papers print them: a table with the published rows beside ours."""
