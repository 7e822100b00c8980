import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";

/** Certificate chain and private key of a server, as PEM. */
export interface TlsKeyPair {
  cert: string;
  key: string;
}

/** Where they are. */
export interface TlsFiles {
  /** PEM, the server's certificate first, then those up to the root. */
  certFile: string;
  /** PEM without a passphrase. */
  keyFile: string;
}

/**
 * Checks that a certificate and a key can be used, and belong together.
 *
 * Errors: INVALID_STATE naming the file.
 */
export function checkKeyPair({ cert, key }: TlsKeyPair, { certFile, keyFile }: TlsFiles): TlsKeyPair {
  const certificate = parse(certFile, "certificate", () => new X509Certificate(cert));
  const privateKey: KeyObject = parse(keyFile, "private key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw refuse(certFile, `"${keyFile}" is the key of another certificate`, undefined);
  return { cert, key };
}

function parse<Value>(path: string, what: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw refuse(path, `it holds no ${what} in PEM: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}

function refuse(path: string, why: string, cause: unknown): SpanloomError {
  return new SpanloomError("INVALID_STATE", `cannot serve TLS with "${path}": ${why}`, {}, { cause });
}
