#include "faults.h"

#include "board.h"
#include "console.h"
#include "registers.h"

#include <stdbool.h>
#include <stddef.h>

static const char *const exception_names[16] = {
    [2] = "NMI",        [3] = "HardFault",   [4] = "MemManage", [5] = "BusFault",
    [6] = "UsageFault", [7] = "SecureFault", [11] = "SVCall",   [12] = "DebugMonitor",
    [14] = "PendSV",    [15] = "SysTick",
};

static void report_register(const char *name, uint32_t value) {
    console_text("  ");
    console_text(name);
    console_text(" ");
    console_hex(value);
    console_text("\n");
}

static void report_exception(uint32_t number) {
    console_text("\nfault ");
    if (number >= 16u) {
        console_text("interrupt ");
        console_unsigned(number - 16u);
    } else if (exception_names[number] != NULL) {
        console_text(exception_names[number]);
    } else {
        console_text("exception ");
        console_unsigned(number);
    }
    console_text("\n");
}

_Noreturn void fault_report(const uint32_t *frame) {
    static const char *const stacked[] = {"r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr"};
    const uint32_t cfsr = SCB_CFSR;
    const bool frame_lost = (cfsr & (SCB_CFSR_STKOF | SCB_CFSR_STKERR | SCB_CFSR_MSTKERR)) != 0u;

    report_exception(SCB_ICSR & SCB_ICSR_VECTACTIVE);
    report_register("cfsr", cfsr);
    report_register("hfsr", SCB_HFSR);
    report_register("mmfar", SCB_MMFAR);
    report_register("bfar", SCB_BFAR);
    report_register("sfsr", SAU_SFSR);
    report_register("sfar", SAU_SFAR);
    if ((cfsr & SCB_CFSR_STKOF) != 0u) {
        console_text("  stack overflow\n");
    }
    for (size_t i = 0; i < sizeof stacked / sizeof stacked[0] && !frame_lost; ++i) {
        report_register(stacked[i], frame[i]);
    }
    board_diagnose();
    for (;;) {
        board_alive(); /* the report would be gone after a reset */
    }
}
