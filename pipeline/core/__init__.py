"""What every other package uses: vocabulary, paths, files, processes, errors.

Nothing here knows a workload, a runtime or a report.
"""
