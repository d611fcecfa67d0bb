/* ST's runtime as the network needs it: either of its two interfaces behind the same functions. */
#ifndef NPU_RUNTIME_H
#define NPU_RUNTIME_H

#include "birdnet_status.h"

#include <stdint.h>

typedef enum {
    NPU_RUNNING,
    NPU_ADVANCED, /* a block has ended, and the next one needs the CPU */
    NPU_DONE,
    NPU_FAILED,
} npu_state_t;

typedef struct {
    int8_t *data; /* NULL where the runtime has none */
    uint32_t bytes;
} npu_buffer_t;

/* Once, before anything else. */
birdnet_status_t npu_runtime_init(void);

/* The network's only input and its only output. */
npu_buffer_t npu_runtime_input(void);
npu_buffer_t npu_runtime_output(void);

/* Starts an inference, or goes on with it as far as is possible without waiting for the NPU. */
npu_state_t npu_runtime_step(void);

/* After NPU_DONE: makes it ready for the next inference. */
birdnet_status_t npu_runtime_finish(void);

#endif
