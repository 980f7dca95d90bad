// At which addresses who asks reaches this server: as they are configured, or as the request shows. What is made of them becomes a part
// of scripts, so each is a plain word.

import type { PublicAddress } from "../../config/public-address.ts";
import { writePublicAddress } from "../../config/public-address.ts";
import type { HttpRequest } from "../http/http-message.ts";

/** What is configured; `null`: nothing is. */
export interface PublicPlaces {
  readonly publicUrl: string | null;
  readonly publicAddress: PublicAddress | null;
}

/** Where the page is, without a slash at its end; `null`: that cannot be told, or not believed. */
export function pageUrl(
  request: Pick<HttpRequest, "header" | "isSecure">,
  { publicUrl }: Pick<PublicPlaces, "publicUrl">,
): string | null {
  if (publicUrl !== null) return publicUrl;
  const host = request.header("host") ?? "";
  if (
    host.length > 260 ||
    !/^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(host)
  )
    return null;
  // A proxy before this server has the TLS, and says so. To claim it gains nothing: what it leads to is safer.
  if (request.isSecure || request.header("x-forwarded-proto") === "https") return `https://${host}`;
  // Whatever is said without TLS is heard, and may be exchanged, on the way: no programs are installed so, but on this machine.
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host) ? `http://${host}` : null;
}

/** Where clients send to, as they read it: what is configured, else the host of the page and `port`. */
export function clientAddress(
  page: string,
  { publicAddress }: Pick<PublicPlaces, "publicAddress">,
  port: number,
): string {
  const host = publicAddress?.host ?? new URL(page).hostname.replace(/^\[(.*)\]$/, "$1");
  return writePublicAddress({ host, port: publicAddress?.port ?? port });
}
