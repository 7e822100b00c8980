import type { DeliveryHeaders } from "./delivery-headers.ts";

/** What was posted, before anything in it is believed. */
export interface Delivery {
  headers: DeliveryHeaders;
  /** The body as it was sent, to the byte: that is what is signed. */
  body: Uint8Array;
}
