/* Reset, vector table and fault report of the emulated board. */
#include "console.h"
#include "semihosting.h"

#include <stdint.h>

extern uint32_t stack_top;
extern uint32_t bss_start;
extern uint32_t bss_end;

int main(void);
void reset_handler(void);
void fault_handler(void);
_Noreturn void start(void);
_Noreturn void fault_report(const uint32_t *frame);

/* In assembly, since a compiler may use MVE for anything, even before the coprocessor is on. */
__attribute__((naked)) void reset_handler(void) {
    __asm volatile("ldr r0, =stack_limit\n"
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
    semihosting_exit((uint32_t)main());
}

/* The report gets a stack of its own: the fault may be an overflow. */
__attribute__((naked)) void fault_handler(void) {
    __asm volatile("mrs r0, msp\n"
                   "mov r1, #0\n"
                   "msr msplim, r1\n"
                   "ldr r1, =fault_stack_top\n"
                   "msr msp, r1\n"
                   "b fault_report\n");
}

static void report_register(const char *name, uint32_t value) {
    console_text("  ");
    console_text(name);
    console_text(" ");
    console_hex(value);
    console_text("\n");
}

_Noreturn void fault_report(const uint32_t *frame) {
    static const char *const stacked[] = {"r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr"};
    const volatile uint32_t *const scb = (const volatile uint32_t *)0xE000ED28u;
    const uint32_t cfsr = scb[0];
    const uint32_t stack_overflow = 1u << 20;

    console_text("\nfault\n");
    report_register("cfsr", cfsr);
    report_register("hfsr", scb[1]);
    report_register("mmfar", scb[3]);
    report_register("bfar", scb[4]);
    if ((cfsr & stack_overflow) != 0u) {
        console_text("  stack overflow\n");
    } else {
        for (uint32_t i = 0; i < sizeof stacked / sizeof stacked[0]; ++i) {
            report_register(stacked[i], frame[i]);
        }
    }
    semihosting_exit(1u);
}

typedef void (*vector_t)(void);

/* Armv8-M Architecture Reference Manual, B3.30: initial stack, then the system exceptions. No
 * interrupt is ever enabled. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector_t exceptions[15];
} vectors = {
    .stack = &stack_top,
    .exceptions = {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler,
                   fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
                   fault_handler, fault_handler, fault_handler, fault_handler, fault_handler},
};
