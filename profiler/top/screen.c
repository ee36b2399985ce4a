/* The terminal, by ncurses; see screen.h. */
#include "profiler/top/screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/utf8.h"

#include <term.h>
/* It names capabilities of terminals by macros. */
#undef columns
#undef lines

#define ESCAPE_MS     50 /* how long what follows an Esc may take to be part of a key */
#define RESTORE_BYTES 64

static struct {
	SCREEN *screen;
	int signals; /* signalfd */
	int ended_by;
	bool utf8, colours;
	sigset_t mask_before;
	/* for a crash: nothing but write() and tcsetattr() is allowed then */
	struct termios terminal;
	char restore[2][RESTORE_BYTES]; /* the cursor, the other screen */
} at;

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* ---- possible? ---- */

/* A description of TERM that can move the cursor. */
static bool can_move_cursor(void)
{
	const char *term = getenv("TERM");
	int error = 0;
	bool can;

	if (!term || !term[0] || setupterm(term, STDOUT_FILENO, &error) != OK)
		return false;
	can = tigetstr("cup") && tigetstr("cup") != (char *)-1;
	del_curterm(cur_term);
	return can;
}

bool top_screen_is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && can_move_cursor();
}

/* ---- taking and giving back ---- */

static void give_back_in_a_crash(int number)
{
	for (int i = 0; i < 2; i++)
		if (write(STDOUT_FILENO, at.restore[i], strlen(at.restore[i])) < 0)
			break;
	tcsetattr(STDIN_FILENO, TCSANOW, &at.terminal);
	raise(number); /* the handler has gone: SA_RESETHAND */
}

static void keep_string(const char *capability, char out[RESTORE_BYTES])
{
	const char *s = tigetstr(capability);

	out[0] = '\0';
	if (s && s != (char *)-1 && strlen(s) < RESTORE_BYTES)
		memcpy(out, s, strlen(s) + 1);
}

static void watch_crashes(void)
{
	struct sigaction act = {.sa_handler = give_back_in_a_crash, .sa_flags = (int)SA_RESETHAND};

	keep_string("cnorm", at.restore[0]);
	keep_string("rmcup", at.restore[1]);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &act, NULL);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, &at.mask_before))
		return -errno;
	at.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return at.signals < 0 ? -errno : 0;
}

static void start_colours(void)
{
	/* By enum top_style; -1 is the terminal's own. */
	static const short colours[TOP_STYLE_COUNT][2] = {
		[TOP_STYLE_NATIVE] = {COLOR_BLACK, COLOR_YELLOW},
		[TOP_STYLE_KERNEL] = {COLOR_WHITE, COLOR_BLUE},
		[TOP_STYLE_INLINED] = {COLOR_BLACK, COLOR_CYAN},
		[TOP_STYLE_JIT] = {COLOR_BLACK, COLOR_GREEN},
		[TOP_STYLE_INTERPRETED] = {COLOR_BLACK, COLOR_GREEN},
		[TOP_STYLE_LABEL] = {COLOR_BLACK, COLOR_WHITE},
		[TOP_STYLE_INCOMPLETE] = {COLOR_WHITE, COLOR_RED},
		[TOP_STYLE_PLAIN] = {-1, -1},
		[TOP_STYLE_HEAD] = {-1, -1},
		[TOP_STYLE_STRONG] = {-1, -1},
		[TOP_STYLE_MATCHED] = {COLOR_WHITE, COLOR_MAGENTA},
		[TOP_STYLE_SELECTED] = {-1, -1},
	};
	const char *no = getenv("NO_COLOR");

	at.colours = has_colors() && !(no && no[0]) && start_color() == OK;
	if (!at.colours)
		return;
	use_default_colors();
	for (short i = 0; i < TOP_STYLE_COUNT; i++)
		init_pair((short)(i + 1), colours[i][0], colours[i][1]);
}

int top_screen_open(struct err *err)
{
	int r;

	setlocale(LC_CTYPE, "");
	at.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (tcgetattr(STDIN_FILENO, &at.terminal))
		return err_set(err, -errno, "the terminal does not answer: %s", strerror(errno));
	r = open_signals();
	if (r < 0)
		return err_set(err, r, "signals: %s", strerror(-r));
	at.screen = newterm(NULL, stdout, stdin);
	if (!at.screen)
		return err_set(err, -ENOTTY, "nothing can be drawn on this terminal");
	watch_crashes();
	start_colours();
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	return 0;
}

void top_screen_close(void)
{
	if (at.screen) {
		endwin();
		delscreen(at.screen);
		at.screen = NULL;
	}
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		signal(crashes[i], SIG_DFL);
	close(at.signals);
}

void top_screen_size(uint32_t *ret_lines, uint32_t *ret_columns)
{
	*ret_lines = LINES > 0 ? (uint32_t)LINES : 24;
	*ret_columns = COLS > 0 ? (uint32_t)COLS : 80;
}

int top_screen_signal(void)
{
	return at.ended_by;
}

/* ---- drawing ---- */

static chtype attributes_of(enum top_style style)
{
	chtype a = A_NORMAL;

	if (style == TOP_STYLE_SELECTED || style == TOP_STYLE_HEAD)
		a |= A_REVERSE;
	if (style == TOP_STYLE_STRONG || style == TOP_STYLE_MATCHED)
		a |= A_BOLD;
	return at.colours ? a | (chtype)COLOR_PAIR(style + 1) : a;
}

/*
 * Where the terminal does not read UTF-8, bytes above 0x7f are not text, and some steer it: they
 * stay away.
 */
static void draw_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c = '?';
		int n = utf8_next(s + i, len - i, &c);

		addch(c < 0x80 ? (chtype)c : '?');
		i += n < 0 ? 1 : (size_t)n;
	}
}

void top_screen_draw(struct top_page *page)
{
	size_t i = 0;

	/*
	 * Line by line from above: what a run of wide characters takes too much is drawn over by
	 * the next one.
	 */
	for (uint32_t line = 0; line < page->lines; line++) {
		move((int)line, 0);
		clrtoeol();
		for (; i < page->n && page->run[i].line == line; i++) {
			const struct top_run *run = &page->run[i];
			const char *s = (const char *)page->text.data + run->at;

			attrset(attributes_of(run->style));
			move((int)line, (int)run->column);
			if (at.utf8)
				addnstr(s, (int)run->len);
			else
				draw_ascii(s, run->len);
		}
		attrset(A_NORMAL);
	}
	refresh();
}

/* ---- keys ---- */

static int key_of(int c)
{
	switch (c) {
	case KEY_RESIZE:
		return TOP_KEY_RESIZE;
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_LEFT:
		return TOP_KEY_LEFT;
	case KEY_RIGHT:
		return TOP_KEY_RIGHT;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_LAST;
	case KEY_ENTER:
	case '\r':
	case '\n':
		return TOP_KEY_ENTER;
	case KEY_BACKSPACE:
	case 0x7f:
	case '\b':
		return TOP_KEY_BACKSPACE;
	case 0x1b:
		return TOP_KEY_ESCAPE;
	}
	return c == ERR || c > 0x7f ? TOP_KEY_NONE : c;
}

static bool take_signal(void)
{
	struct signalfd_siginfo info;

	if (read(at.signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	at.ended_by = (int)info.ssi_signo;
	return true;
}

int top_screen_key(int timeout_ms)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			     {.fd = at.signals, .events = POLLIN}};
	int c = getch(); /* what ncurses has read already */

	if (c != ERR)
		return key_of(c);
	if (poll(p, 2, timeout_ms) < 0)
		p[0].revents = p[1].revents = 0; /* SIGWINCH, or the end of a stop: getch() knows */
	if (p[1].revents && take_signal())
		return TOP_KEY_END;
	c = getch();
	/* It is readable, and there is nothing: it has gone. */
	if (c == ERR && p[0].revents && poll(p, 1, 0) > 0 && (c = getch()) == ERR)
		return TOP_KEY_END;
	return key_of(c);
}
