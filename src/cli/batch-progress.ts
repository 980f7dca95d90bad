// Shows how a batch of uploads gets on: what all of them have sent together. Used by `dync send`.

import type { Clock } from "../base/clock.ts";
import type { Output } from "./output.ts";
import { openProgress, type ProgressState, type ProgressView } from "./progress.ts";

export interface BatchProgressOptions {
  readonly output: Output;
  readonly clock: Clock;
  /** How many there are, `null` where that is not known. */
  readonly files: number | null;
}

/** What is told of one file of a batch. */
export interface FileView {
  update(state: ProgressState): void;
  /** It is over; `bytes` of it are stored, `null`: it failed. */
  end(bytes: number | null): void;
}

/** The display that suits `output`. */
export function openBatchProgress(options: BatchProgressOptions): BatchProgress {
  return new BatchProgress(options);
}

export class BatchProgress {
  readonly #view: ProgressView;
  readonly #running = new Map<FileView, ProgressState>();
  #ended = 0;
  #bytes = 0;

  constructor(options: BatchProgressOptions) {
    const { output, clock, files } = options;
    const nameNow = (): string => `${this.#ended} of ${files ?? "?"} files`;
    const nameOf = {
      get name(): string {
        return nameNow();
      },
    };
    this.#view = openProgress(Object.assign(nameOf, { output, clock }));
  }

  /** A file's turn has come. */
  open(_name: string): FileView {
    const view: FileView = {
      update: (state) => {
        this.#running.set(view, state);
        this.#update();
      },
      end: (bytes) => {
        this.#running.delete(view);
        this.#ended += 1;
        this.#bytes += bytes ?? 0;
        this.#update();
      },
    };
    return view;
  }

  /** Has something printed above the display. */
  async above(print: () => void | Promise<void>): Promise<void> {
    await this.#view.above(print);
  }

  end(): void {
    this.#view.end();
  }

  #update(): void {
    const states = [...this.#running.values()];
    const sum = (of: (state: ProgressState) => number): number =>
      states.reduce((all, state) => all + of(state), 0);
    const isStill = states.length > 0 && states.every((state) => state.isStill === true);
    this.#view.update({
      taken: this.#bytes + sum((state) => state.taken),
      underWay: sum((state) => state.underWay),
      isStill,
      total: null,
      waiting: isStill ? (states[0]?.waiting ?? null) : null,
      nextTryAt: isStill ? (states[0]?.nextTryAt ?? null) : null,
    });
  }
}
