// Puts the real parts together for one upload. Called by `send.ts` and `resume.ts`.

import type { Clock } from "../../base/clock.ts";
import { uploadFile, uploadOnce } from "../../client/file-upload.ts";
import { openStandardInput } from "../../client/standard-input-source.ts";
import type { Receipt, UploadProgress } from "../../client/upload.ts";
import { UploadStore } from "../../client/upload-store.ts";
import { loadKeyPair } from "../../keys/key-files.ts";
import { openZmqTransport } from "../../transport/zmq/zmq-transport.ts";
import type { Output } from "../output.ts";
import type { ProgressView } from "../progress.ts";
import { version } from "../version.ts";
import { PatienceNotes } from "./patience-notes.ts";
import type { SendOptions } from "./send-options.ts";
import { serverKeyOf } from "./server-key.ts";
import { standardInput } from "./standard-input.ts";
import { progressState } from "./upload-progress.ts";

/** What the upload may show. */
export interface SendUi {
  readonly progress: ProgressView;
  readonly output: Output;
  readonly clock: Clock;
}

/** Sends it; resolves when the server confirmed it, in every other case throws `DyncError`. */
export async function sendFile(options: SendOptions, ui: SendUi, signal: AbortSignal): Promise<Receipt> {
  const { server, source, name, metadataText, home, retryForMs, retryFirst } = options;
  const keys = await loadKeyPair(home, "client");
  const serverKey = await serverKeyOf({ home, ...server, serverKeyFile: options.serverKeyFile });
  const onNote = (text: string): void => ui.progress.note(text);
  const patience = new PatienceNotes({ retryForMs, now: () => ui.clock.now(), note: onNote });
  const transport = await openZmqTransport({ clock: ui.clock });
  try {
    const parts = {
      transport,
      clock: ui.clock,
      random: Math.random,
      onProgress: (it: UploadProgress) => {
        patience.see(it);
        ui.progress.update(progressState(it));
      },
      onNote,
    };
    const connection = { ...server, serverKey, keys, retryForMs, retryFirst };
    const request = { ...connection, name, metadataText, client: `dync ${version}` };
    if (source.type === "stdin")
      return await uploadOnce(await openStandardInput(standardInput), request, parts, signal);
    const { serverKeyFile } = options;
    return await uploadFile(
      { ...request, path: source.path, serverKeyFile },
      {
        ...parts,
        store: new UploadStore(home),
        onWarning: (text, hint) => ui.progress.warn(text, hint),
      },
      signal,
    );
  } catch (error) {
    throw patience.gaveUp(error);
  } finally {
    await transport.close();
  }
}
