/* The tensors of every window in a host file, little-endian, for comparison with the reference.
 *
 * - header: char magic[8] "BNDUMP02", then uint32 window samples, steps of the front end, feature,
 *   input and output elements
 * - per window: uint32 recording, window, first sample; for each step float32 features[] in the
 *   model's layout; int8 quantized input[]; int8 output[]
 *
 * Nothing is padded. */
#ifndef DUMP_H
#define DUMP_H

#include "inference.h"

#include <stdbool.h>
#include <stdint.h>

/* After inference_init(), which decides how many outputs there are. */
bool dump_begin(int32_t file, const inference_t *inference);

bool dump_place(int32_t file, uint32_t recording, uint32_t window, uint32_t first_sample);

/* What each step of the front end makes of a window, in float: the input is made without. */
bool dump_features(int32_t file, const int16_t *pcm);

/* Before the network runs, which may overwrite its input. */
bool dump_input(int32_t file, const inference_t *inference);

bool dump_output(int32_t file, const inference_t *inference);

#endif
