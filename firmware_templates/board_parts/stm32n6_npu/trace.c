#include "trace.h"

#include "registers.h"

#define INSIDE 0x4E500000u /* the upper half while an inference runs */
#define UPPER 0xFFFF0000u

static uint32_t block;

bool trace_init(uint32_t *left_in) {
    RCC_AHB4ENR |= RCC_AHB4ENR_PWREN;
    (void)RCC_AHB4ENR; /* the clock runs when the write has arrived */
    PWR_DBPCR |= PWR_DBPCR_DBP;
    RCC_APB4ENR1 |= RCC_APB4ENR1_RTCAPBEN;
    (void)RCC_APB4ENR1;
    const uint32_t left = TAMP_BKP0R;
    trace_end();
    *left_in = left & ~UPPER;
    return (left & UPPER) == INSIDE;
}

void trace_begin(void) {
    block = 0u;
    TAMP_BKP0R = INSIDE;
}

void trace_next(void) {
    ++block;
    TAMP_BKP0R = INSIDE | (block & ~UPPER);
}

void trace_end(void) {
    TAMP_BKP0R = 0u;
}

uint32_t trace_block(void) {
    return block;
}
