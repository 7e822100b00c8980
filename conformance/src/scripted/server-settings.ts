/** What a scripted server is, for one run of a runner. */
export interface ServerSettings {
  /** Lease it grants. */
  leaseMs: number;
  /** How often it asks for heartbeats. */
  heartbeatMs: number;
  /** Largest output it says it takes. */
  maxOutputBytes: number;
  /** Whether a lease that is not extended in time is lost. Without, leases last until a case ends them. */
  endsLeases: boolean;
  /** What its clock is ahead of the machine's. */
  clockAheadMs: number;
  /** Whether its answers have fields that the runner cannot know. */
  unknownFields: boolean;
  /** Whether it knows nobody: registrations are refused for good. */
  knowsNobody: boolean;
}

/** A server as the cases that share a runner have it. */
export const usualSettings: ServerSettings = {
  leaseMs: 3_000,
  heartbeatMs: 500,
  maxOutputBytes: 256 * 1024,
  endsLeases: false,
  clockAheadMs: 0,
  unknownFields: false,
  knowsNobody: false,
};
