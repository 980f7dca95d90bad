// The functions of libzmq that we call, as data: each runtime's FFI turns the table into functions. Nothing
// else in the program names a C prototype.

/** `buffer` is a `Uint8Array` whose bytes C reads or writes during the call. `usize` results may be bigint. */
export type ParameterType = "pointer" | "buffer" | "i32" | "i64" | "usize";
export type ResultType = "pointer" | "i32" | "usize" | "void";

export interface SymbolType {
  readonly parameters: readonly ParameterType[];
  readonly result: ResultType;
}

export type SymbolTable = Readonly<Record<string, SymbolType>>;

export const zmqSymbols = {
  // void zmq_version (int *major, int *minor, int *patch)
  zmq_version: { parameters: ["buffer", "buffer", "buffer"], result: "void" },
  // int zmq_has (const char *capability)
  zmq_has: { parameters: ["buffer"], result: "i32" },
  // int zmq_errno (void)
  zmq_errno: { parameters: [], result: "i32" },
  // const char *zmq_strerror (int errnum)
  zmq_strerror: { parameters: ["i32"], result: "pointer" },
  // void *zmq_ctx_new (void)
  zmq_ctx_new: { parameters: [], result: "pointer" },
  // int zmq_ctx_set (void *context, int option, int optval)
  zmq_ctx_set: { parameters: ["pointer", "i32", "i32"], result: "i32" },
  // int zmq_ctx_term (void *context)
  zmq_ctx_term: { parameters: ["pointer"], result: "i32" },
  // void *zmq_socket (void *context, int type)
  zmq_socket: { parameters: ["pointer", "i32"], result: "pointer" },
  // int zmq_close (void *socket)
  zmq_close: { parameters: ["pointer"], result: "i32" },
  // int zmq_setsockopt (void *socket, int option, const void *optval, size_t optvallen)
  zmq_setsockopt: { parameters: ["pointer", "i32", "buffer", "usize"], result: "i32" },
  // int zmq_getsockopt (void *socket, int option, void *optval, size_t *optvallen)
  zmq_getsockopt: { parameters: ["pointer", "i32", "buffer", "buffer"], result: "i32" },
  // int zmq_bind (void *socket, const char *endpoint)
  zmq_bind: { parameters: ["pointer", "buffer"], result: "i32" },
  // int zmq_connect (void *socket, const char *endpoint)
  zmq_connect: { parameters: ["pointer", "buffer"], result: "i32" },
  // int zmq_socket_monitor (void *socket, const char *endpoint, int events)
  zmq_socket_monitor: { parameters: ["pointer", "pointer", "i32"], result: "i32" },
  // int zmq_send (void *socket, const void *buf, size_t len, int flags)
  zmq_send: { parameters: ["pointer", "buffer", "usize", "i32"], result: "i32" },
  // int zmq_msg_init (zmq_msg_t *msg)
  zmq_msg_init: { parameters: ["pointer"], result: "i32" },
  // int zmq_msg_init_size (zmq_msg_t *msg, size_t size)
  zmq_msg_init_size: { parameters: ["pointer", "usize"], result: "i32" },
  // int zmq_msg_send (zmq_msg_t *msg, void *socket, int flags)
  zmq_msg_send: { parameters: ["pointer", "pointer", "i32"], result: "i32" },
  // int zmq_msg_recv (zmq_msg_t *msg, void *socket, int flags)
  zmq_msg_recv: { parameters: ["pointer", "pointer", "i32"], result: "i32" },
  // int zmq_msg_close (zmq_msg_t *msg)
  zmq_msg_close: { parameters: ["pointer"], result: "i32" },
  // void *zmq_msg_data (zmq_msg_t *msg)
  zmq_msg_data: { parameters: ["pointer"], result: "pointer" },
  // int zmq_msg_more (const zmq_msg_t *msg)
  zmq_msg_more: { parameters: ["pointer"], result: "i32" },
  // const char *zmq_msg_gets (const zmq_msg_t *msg, const char *property)
  zmq_msg_gets: { parameters: ["pointer", "buffer"], result: "pointer" },
} as const satisfies SymbolTable;

/** Not called through the table: the thread that waits in it has its own way to it in each runtime. */
export const pollSymbols = {
  // int zmq_poll (zmq_pollitem_t *items, int nitems, long timeout)
  zmq_poll: { parameters: ["pointer", "i32", "i64"], result: "i32" },
} as const satisfies SymbolTable;

/** glibc's knob for its heap: int mallopt (int param, int value). */
export const mallocSymbols = {
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies SymbolTable;
