/* Which part of the network is being computed, in a register that outlives a reset: after a program
 * that was stuck, the next one says where. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* Opens the register. Returns whether the last run ended inside of an inference, and in which
 * block; forgets that. */
bool trace_init(uint32_t *block);

/* An inference begins, with block 0; goes on with the next block; has ended. */
void trace_begin(void);
void trace_next(void);
void trace_end(void);

/* The block that was begun last. A block is a line of ST's schedule: an epoch, or several in a blob
 * of the epoch controller. */
uint32_t trace_block(void);

#endif
