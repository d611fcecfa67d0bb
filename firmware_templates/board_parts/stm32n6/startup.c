/* Vector table, reset, and the way into the fault report. */
#include "board.h"
#include "faults.h"

#include <stdint.h>

extern uint32_t bss_start;
extern uint32_t bss_end;
extern uint32_t stack_top;

int main(void);
void reset_handler(void);
void fault_handler(void);
_Noreturn void start(void);

/* In assembly, since a compiler may use MVE for anything, even before the coprocessor is on. The
 * loader's stack limit may lie above this program's stack, so it goes first. */
__attribute__((naked)) void reset_handler(void) {
    __asm volatile("cpsid i\n"
                   "movs r0, #0\n"
                   "msr msplim, r0\n"
                   "msr control, r0\n" /* privileged, main stack, no floating-point context */
                   "msr basepri, r0\n"
                   "isb\n"
                   "ldr r0, =stack_top\n"
                   "msr msp, r0\n"
                   "ldr r0, =stack_limit\n"
                   "msr msplim, r0\n"
                   "ldr r0, =0xE000ED88\n" /* CPACR: full access to CP10 and CP11 */
                   "ldr r1, [r0]\n"
                   "orr r1, r1, #(0xF << 20)\n"
                   "str r1, [r0]\n"
                   "dsb\n"
                   "isb\n"
                   "b start\n");
}

_Noreturn void start(void) {
    for (uint32_t *word = &bss_start; word < &bss_end; ++word) {
        *word = 0u;
    }
    board_init();
    (void)main();
    for (;;) {
    }
}

/* The report gets a stack of its own: the fault may be an overflow. */
__attribute__((naked)) void fault_handler(void) {
    __asm volatile("cpsid i\n"
                   "mrs r0, msp\n"
                   "movs r1, #0\n"
                   "msr msplim, r1\n"
                   "ldr r1, =fault_stack_top\n"
                   "msr msp, r1\n"
                   "b fault_report\n");
}

/* ST's runtime of the NPU brings its own where it is linked in. */
#define NPU0_INTERRUPT 53u
void NPU0_IRQHandler(void) __attribute__((weak, alias("fault_handler")));

typedef void (*vector_t)(void);

/* Armv8-M Architecture Reference Manual, B3.30: initial stack, 15 exceptions, then the interrupts,
 * none of which but the NPU's is ever enabled. VTOR wants the table aligned to its size rounded up
 * to a power of two: 1024 bytes. */
__attribute__((section(".vectors"), used, aligned(1024))) static const struct {
    uint32_t *stack;
    vector_t exceptions[15];
    vector_t interrupts[BOARD_INTERRUPTS];
} vectors = {
    .stack = &stack_top,
    .exceptions = {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler,
                   fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
                   fault_handler, fault_handler, fault_handler, fault_handler, fault_handler},
    .interrupts = {[0 ... NPU0_INTERRUPT - 1u] = fault_handler,
                   [NPU0_INTERRUPT] = NPU0_IRQHandler,
                   [NPU0_INTERRUPT + 1u ... BOARD_INTERRUPTS - 1u] = fault_handler},
};
