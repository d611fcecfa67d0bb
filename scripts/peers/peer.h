/* What the driver asks of every runtime that it measures. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Prepare the network.
 *
 * @param memory aligned to 16 bytes
 * @param bytes  of `memory`
 * @return how many bytes of `memory`, from its start, the network needs; 0 if it cannot run, with
 *         the reason printed
 */
size_t peer_prepare(uint8_t *memory, size_t bytes);

/** Where the caller writes the input, PEER_INPUT_ELEMENTS values. */
float *peer_input(void);

/** From input to output; false if the network fails. */
bool peer_run(void);

/** The output, PEER_OUTPUT_ELEMENTS values. */
const float *peer_output(void);

/** Scratch memory beyond what peer_prepare() returned; known after peer_run(). */
uint32_t peer_scratch_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
