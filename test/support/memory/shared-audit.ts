// The audit logs of all servers, in memory.

import type {
  AuditChain,
  AuditLine,
  AuditPlace,
  SharedAudit,
  SharedAuditLine,
} from "../../../src/catalogue/shared-audit.ts";

export class MemoryAudit implements SharedAudit {
  readonly #chains: AuditChain[] = [];
  readonly #lines: SharedAuditLine[] = [];

  async chainOf(server: string): Promise<AuditChain | null> {
    return this.#chains.findLast((it) => it.server === server) ?? null;
  }

  async begin(server: string, name: string): Promise<AuditChain> {
    const chain = { chain: this.#chains.length + 1, server, name, sequence: 0, hash: "0".repeat(64) };
    this.#chains.push(chain);
    return chain;
  }

  async add(
    { chain: id, sequence, hash: before }: AuditChain,
    name: string,
    lines: readonly AuditLine[],
    hash: string,
  ): Promise<AuditChain | null> {
    const chain = this.#chains[id - 1];
    if (chain?.sequence !== sequence || chain.hash !== before) return null;
    this.#lines.push(...lines.map((line) => ({ ...line, chain: id })));
    const added = { ...chain, name, sequence: lines.at(-1)?.sequence ?? sequence, hash };
    this.#chains[id - 1] = added;
    return added;
  }

  async chains(): Promise<readonly AuditChain[]> {
    return [...this.#chains];
  }

  async linesOf(chain: number, after: number, limit: number): Promise<readonly AuditLine[]> {
    const lines = this.#lines.filter((it) => it.chain === chain && it.sequence > after).slice(0, limit);
    return lines.map(({ chain: _, ...line }) => line);
  }

  async page(
    after: AuditPlace | null,
    limit: number,
    since: string | undefined,
  ): Promise<readonly SharedAuditLine[]> {
    const begin = after ?? { time: since ?? "", chain: 0, sequence: 0 };
    return this.#lines
      .filter((it) => compare(it, begin) > 0)
      .toSorted(compare)
      .slice(0, limit);
  }
}

function compare(a: AuditPlace, b: AuditPlace): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.chain - b.chain || a.sequence - b.sequence;
}
