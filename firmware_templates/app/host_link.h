/* Receives windows from a host and returns probabilities, over the console.
 *
 *     host    window <crc>                        then BIRDNET_WINDOW_SAMPLES samples, int16,
 *                                                 low byte first
 *     board   scores <crc> <front-end cycles> <network cycles> <probabilities>
 *     board   retry <crc> "<why>"                 nothing was computed; the host has to send it
 *                                                 again
 *
 * Each line ends with a line feed. There is no line feed after the samples. <crc> is the CRC-32 of
 * the bytes of the samples (IEEE 802.3, as in zlib), in eight hexadecimal digits. It detects lost
 * bytes, and it says to which window an answer belongs. <probabilities> are floats, one for each
 * class, each written as the eight hexadecimal digits of its bits, without spaces. */
#ifndef HOST_LINK_H
#define HOST_LINK_H

#include "inference.h"

#include <stdint.h>

/* Waits for a byte. The board provides this function.
 * Returns 0 to 255, or a negative number if no byte came within `timeout_ms`. */
int console_read(uint32_t timeout_ms);

/* Answers the host until it has sent nothing for `idle_ms`. */
void host_link_serve(inference_t *inference, uint32_t idle_ms);

#endif
