#include "cmd/signals.h"

#include <signal.h>
#include <stddef.h>

#include "cmd/terminal.h"

static volatile sig_atomic_t stop_signal, save_wanted;

static void on_stop(int number)
{
    if (stop_signal) {
        mt_live_abandon();
        signal(number, SIG_DFL);
        raise(number);
    }
    stop_signal = number;
}

static void on_save(int number)
{
    (void)number;
    save_wanted = 1;
}

static void catch(int number, void (*handler)(int), bool unless_ignored)
{
    struct sigaction old, action = { .sa_handler = handler,
                                     .sa_flags = SA_RESTART | SA_NODEFER };

    sigemptyset(&action.sa_mask);
    if (unless_ignored && sigaction(number, NULL, &old) == 0 &&
        old.sa_handler == SIG_IGN)
        return;
    sigaction(number, &action, NULL);
}

void mt_signals_catch(void)
{
    stop_signal = save_wanted = 0;
    catch(SIGINT, on_stop, false);
    catch(SIGTERM, on_stop, false);
    catch(SIGHUP, on_stop, true);
    catch(SIGUSR2, on_stop, false);
    catch(SIGUSR1, on_save, false);
}

int mt_signal_stop(void)
{
    return stop_signal;
}

bool mt_signal_save(void)
{
    if (!save_wanted)
        return false;
    save_wanted = 0;
    return true;
}
