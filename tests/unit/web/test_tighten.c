/* web/tighten.c: what goes between tokens, and that tokens stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "web/tighten.h"

#define OUT_BYTES 4096

static void check(size_t (*tighten)(const char *, size_t, char *), const char *text,
		  const char *wanted)
{
	char out[OUT_BYTES];
	size_t n = tighten(text, strlen(text), out);

	assert_in_range(n, 0, strlen(text));
	out[n] = '\0';
	assert_string_equal(out, wanted);
}

static void a_script_keeps_its_tokens(void **state)
{
	static const char *const scripts[][2] = {
		{"/* banner */\nconst a = 1 + 2;\n", "let a=1+2;"},
		{"return a + +b - -c;", "return a+ +b- -c;"},
		{"\t/* why\n\t * so */\n\tf(a,\n\t\tb);\n", "f(a,b);"},
		{"if (x) y();\nelse z();\n", "if(x)y();else z();"},
		{"s = \"a  /* b */ 'c\" + 'd  \\' e';\n", "s=\"a  /* b */ 'c\"+'d  \\' e';"},
		{"t = `a  ${ b + `c  ${ d }` + \"}\" }  e` + f;",
		 "t=`a  ${ b + `c  ${ d }` + \"}\" }  e`+f;"},
		{"r = /[/\"]  \\/ /.test(x) / 2;", "r=/[/\"]  \\/ /.test(x)/2;"},
		{"return /a  b/g;", "return/a  b/g;"},
		{"(a) / b / c", "(a)/b/c"},
		{"class A {\n\tx() {}\n\n\ty() {}\n}\nlet z", "class A{x(){}y(){}}let z"},
		{"a = `${b}  c`;\nd()", "a=`${b}  c`;d()"},
		{"if (a)\n\treturn\n\t\tb;\nelse\n\tc();", "if(a)return b;else c();"},
		{"f((a) => a, async (b) => b, (c, d) => c, () => 0, ([e]) => e);",
		 "f(a=>a,async(b)=>b,(c,d)=>c,()=>0,([e])=>e);"},
		{"a = [0.5, -0.25, 10.5, b0.c, 0, x.true, trueish, \"true\"];",
		 "a=[.5,-.25,10.5,b0.c,0,x.true,trueish,\"true\"];"},
		{"a = true;\nf(false, !true);", "a=!0;f(!1,!!0);"},
		{"\"\\\\\" + /* c */ \"x\"", "\"\\\\\"+\"x\""},
		{"const a = 1;\nlet [b] = c;\nlet d;\nf();\nlet e;", "let a=1,[b]=c,d;f();let e;"},
		{"export const a = 1;\nconst b = 2;\nconst c = () => {\n\tlet d = 3;\n};\nlet e;",
		 "export let a=1;let b=2,c=()=>{let d=3},e;"},
		{"if (a) {\n\tlet b;\n}\nlet c;\nfor (let i = 0; i < 2; i++) f();\nlet d;",
		 "if(a){let b}let c;for(let i=0;i<2;i++)f();let d;"},
		{"f([a,\n], {b,},\n);", "f([a],{b});"},
		{"[, a] = [b,,];", "[,a]=[b,,];"},
		{"{ for (;;) f(); }", "{for(;;)f()}"},
		{"constant const b = a.const + unconst ;", "constant let b=a.const+unconst;"},
		{"s = \"const a ,)\";", "s=\"const a ,)\";"},
		{"", ""},
		{"/* open", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		check(tighten_script, scripts[i][0], scripts[i][1]);
}

static void a_style_sheet_keeps_its_selectors(void **state)
{
	(void)state;
	check(tighten_style,
	      "/* x */\na > b , c :hover {\n\tmargin: 0 -1px;\n\twidth: calc(1px + 2px);\n}\n",
	      "a > b,c :hover{margin:0 -1px;width:calc(1px + 2px)}");
	check(tighten_style, "a::after { content: \"{ ; }\"; }", "a::after{content:\"{ ; }\"}");
	check(tighten_style, "a[b=\"c-d\"], e[f=\"1\"] { opacity: 0.5; margin: 10.5px -0.1em; }",
	      "a[b=c-d],e[f=\"1\"]{opacity:.5;margin:10.5px -.1em}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_keeps_its_tokens),
		cmocka_unit_test(a_style_sheet_keeps_its_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
