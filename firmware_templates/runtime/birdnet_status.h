/**
 * @file
 * What every function of the runtime returns.
 */
#ifndef BIRDNET_STATUS_H
#define BIRDNET_STATUS_H

typedef enum {
    BIRDNET_OK = 0,
    BIRDNET_ERROR_ARGUMENT = 1, /**< a pointer is null or misaligned, or a size is not positive */
    BIRDNET_ERROR_MEMORY = 2,   /**< the memory handed over is too small */
    BIRDNET_ERROR_DEVICE = 3,   /**< an accelerator reports an error; the CPU's network never */
    BIRDNET_ERROR_TIMEOUT = 4   /**< an accelerator does not finish; the CPU's network never */
} birdnet_status_t;

#endif
