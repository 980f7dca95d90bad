// What the process takes of the machine, by the names that all programs give it.

import { Counter, Gauge, type Registry } from "prom-client";

/** Registers them; they are looked up when somebody asks. */
export function processMetrics(registry: Registry, startedAt: Date): void {
  const registers = [registry];
  new Gauge({
    ...{ name: "process_resident_memory_bytes", help: "Resident memory in bytes.", registers },
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    ...{ name: "process_cpu_seconds_total", help: "User and system CPU time in seconds.", registers },
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    ...{ name: "process_start_time_seconds", help: "When it started, in seconds since 1970.", registers },
  }).set(startedAt.getTime() / 1000);
}
