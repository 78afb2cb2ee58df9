"""Ten minutes of mixed load on a deployment of several processes: errors, memory, lost writes."""
