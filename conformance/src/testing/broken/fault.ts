import type { Client } from "@connectrpc/connect";
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  LeaseTasksRequest,
  LeaseTasksResponse,
  ListDependencyOutputsResponse,
  Runner,
  TaskService,
} from "@spanloom/protocol";

/** What a broken runner does otherwise: it changes what is sent, or what it takes for the answer. */
export interface Fault {
  registering?(runner: Runner): void;
  /** Drops the farewell. */
  silent?: boolean;
  leasing?(request: LeaseTasksRequest): void;
  leased?(response: LeaseTasksResponse, request: LeaseTasksRequest): void;
  /** What the runner takes for the answer to a call that failed. */
  failed?(request: LeaseTasksRequest): LeaseTasksResponse | undefined;
  /** What the runner takes for the answer to a heartbeat that is never sent. */
  unsent?(request: HeartbeatRequest): HeartbeatResponse;
  beating?(request: HeartbeatRequest): void;
  beaten?(response: HeartbeatResponse): void;
  paged?(response: ListDependencyOutputsResponse): void;
  /** Called once when the process was told to end. */
  signalled?(service: Client<typeof TaskService>, runnerId: string): Promise<void>;
}
