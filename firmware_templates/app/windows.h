/* Where the windows of a recording start, in samples.
 *
 * One every hop; the last ends with the recording instead of reaching behind it. A recording
 * shorter than a window has one, which whoever reads it fills up with zeros. */
#ifndef WINDOWS_H
#define WINDOWS_H

#include <stdint.h>

/* Number of windows; 0 for an empty recording. window_samples and hop_samples are at least 1. */
uint32_t windows_count(uint32_t samples, uint32_t window_samples, uint32_t hop_samples);

/* First sample of window `index`, which is below windows_count(). */
uint32_t windows_start(uint32_t index, uint32_t samples, uint32_t window_samples,
                       uint32_t hop_samples);

#endif
