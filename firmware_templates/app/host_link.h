/* Windows from a host, probabilities back, over the console.
 *
 *     host    window <crc>                        then BIRDNET_WINDOW_SAMPLES samples, int16,
 *                                                 low byte first
 *     board   scores <crc> <front-end cycles> <network cycles> <probabilities>
 *     board   retry <crc> "<why>"                 nothing was computed; the host sends it again
 *
 * Each line ends with a line feed; there is none behind the samples. <crc> is the CRC-32 of the
 * samples' bytes (IEEE 802.3, as in zlib) in eight hexadecimal digits: it finds bytes that got
 * lost, and says which window an answer belongs to. <probabilities> are BIRDNET_OUTPUT_ELEMENTS
 * floats, eight hexadecimal digits of each one's bits, without spaces. */
#ifndef HOST_LINK_H
#define HOST_LINK_H

#include "inference.h"

#include <stdint.h>

/* Waits for a byte. The board provides it.
 * Returns 0 to 255, or a negative number if none came within `timeout_ms`. */
int console_read(uint32_t timeout_ms);

/* Answers the host until nothing has come from it for `idle_ms`. */
void host_link_serve(inference_t *inference, uint32_t idle_ms);

#endif
