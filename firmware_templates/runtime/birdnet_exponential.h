/**
 * @file
 * The exponential of log-mean-exp, by straight lines between the points of a table.
 */
#ifndef BIRDNET_EXPONENTIAL_H
#define BIRDNET_EXPONENTIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * exp(10 p) with 16 bits after the point.
 *
 * @param probability p with 24 bits after the point, from 0 to 2^24
 */
uint32_t birdnet_exponential(uint32_t probability);

#ifdef __cplusplus
}
#endif

#endif
