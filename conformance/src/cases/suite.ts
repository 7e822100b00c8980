/** Cases of one file. */
export interface Suite<Step> {
  /** Name of the suite: that of its file. */
  name: string;
  /** What it is about. */
  about: string;
  cases: readonly Case<Step>[];
}

/** A promise of the protocol, and the steps that prove it. */
export interface Case<Step> {
  suite: string;
  /** A sentence. */
  name: string;
  /** Sections of docs/protocol.md that it proves, e.g. `4.3`. */
  proves: readonly string[];
  /** Variants it is run in, e.g. `json`; empty for all. */
  variants: readonly string[];
  /** What a subject must offer for it, e.g. `token`; it is not run against others. */
  needs: readonly string[];
  /** It takes long for what it waits for: it is begun before the others. */
  slow: boolean;
  steps: readonly Step[];
  file: string;
  line: number;
}
