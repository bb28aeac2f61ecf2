"""Which lines of a saved web page are furniture: menus, trails, widgets, counters, image names, footers.

The rules look at one line and the lines beside it, after folding, so Traditional and full-width writing need no
rules of their own. A line is *furniture* by itself, *loose* (an ordinary heading such as 登录 could read the same, so
it goes only beside furniture), a *by-line*, of which only the counters are cut out, or content. Whatever holds a
full sentence is content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache

from qa.text import fold, fold_offsets

_LONGEST = 300  # a longer line is prose, whatever words it holds


class _Kind(Enum):
    CONTENT = "content"
    LOOSE = "loose"
    RULE = "rule"
    FURNITURE = "furniture"


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in (line.split("|") if "|" in line else line.split()))


# Words that are a line of their own only on web pages.
_WIDGETS = _words(
    "网站首页 返回首页 返回主页 返回列表 返回顶部 回到顶部 回顶部 回首页 返回上页 返回上一页 返回上级 设为首页",
    "加入收藏 收藏本站 收藏本页 网站地图 打印本页 打印本文 打印此页 打印页面 打印文章 我要打印 我要纠错 关闭窗口",
    "关闭本页 关闭页面 关闭此页 关闭本窗口 无障碍浏览 无障碍阅读 站点地图 登录注册 立即登录 免费注册 忘记密码",
    "用户登录 会员登录 手机版 电脑版 移动版 触屏版 简体版 繁体版 网页版 放大字体 缩小字体 字体大小 分享到 分享至",
    "分享本文 分享文章 一键分享 扫一扫分享 微信扫一扫 分享到微信 分享到微博 分享到朋友圈 复制链接 新浪微博",
    "腾讯微博 qq空间 qq好友 微信好友 相关阅读 相关新闻 相关文章 相关推荐 相关链接 相关内容 相关资讯 相关专题",
    "相关报道 相关信息 相关稿件 相关搜索 相关话题 相关评论 延伸阅读 推荐阅读 热门推荐 为您推荐 为你推荐 猜你喜欢",
    "精彩推荐 编辑推荐 更多推荐 热门文章 最新文章 推荐文章 热点新闻 热门新闻 热点推荐 更多新闻 更多精彩 友情链接",
    "阅读排行 点击排行 热门排行 阅读排行榜 点击排行榜 热门标签 热搜榜 大家都在看 大家都在搜 换一换 换一批",
    "展开全文 阅读全文 收起全文 阅读原文 查看更多 点击阅读全文 展开阅读全文 加载更多 点击加载更多 点击重新加载",
    "没有更多了 没有更多内容了 已经到底了 快速链接 查看原文 全文阅读 下载app 打开app 最新评论 最热评论 热门评论",
    "全部评论 精彩评论 网友评论 用户评论 文章评论 发表评论 我要评论 查看评论 写评论 暂无评论 我来说两句",
    "来说两句吧 来说两句 说两句吧 说点什么 说点什么吧 快来评论吧 加载中 正在加载 正在加载中 数据加载中 页面加载中",
    "加载失败 请稍候 loading sitemap undefined",
    "skip to content|skip to main content|back to top|sign in|log in|sign up|read more|load more|show more",
    "related articles|related posts|related stories|related news|recommended for you|you may also like|share this",
    "share this article|site map|leave a comment|leave a reply|post a comment|print this page|close window",
    "accept cookies|accept all cookies|most read|toggle navigation|main menu|previous post|next post",
    "from clipboard|[object object]|all rights reserved",
)
# Words that a document could use as a heading too.
_LOOSE = _words(
    "menu 菜单 首页 主页 登录 注册 登陆 退出 搜索 检索 搜一搜 关闭 打印 返回 分享 收藏 点赞 赞 评论 跟帖 转发",
    "举报 复制 复制成功 顶部 导航 表情 字体 字号 大 中 小 特大 默认 更多 展开 收起 确定 取消 提交 发送 发布 回复",
    "刷新 扫一扫 微信 微博 豆瓣 抖音 qq 朋友圈 人人网 小程序 客户端 app 公众号 二维码 上一页 下一页 尾页 末页",
    "上一篇 下一篇 上一条 下一条 小贴士 提示 温馨提示 操作提示 联系我们 关于我们 隐私政策 免责声明 法律声明",
    "使用条款 纠错 订阅 english 中文 中文版 英文版 简体 繁体 简体中文 繁体中文 无障碍 老年版 长者版 关怀版",
    "网站导航 快捷导航 站内搜索 广告 推广 标签 下载 关注 热搜 home top share print email search close login",
    "logout register tweet facebook twitter linkedin whatsapp weibo wechat tags next prev previous more comments",
    "advertisement",
)
_GAP = re.compile(r"[\s|/·•,、>»›()\[\]【】:_\-<«]+")
_EDGE = "".join(" \n.。…·•|,;:!-—–=*#~_>»›<«→←◆■▪●○★☆▶►▼^+")
_ENGLISH_SENTENCE = re.compile(r"(?:[^ ]+ ){4,}[^ ]+[.!?]")
_RULE = re.compile(r"[\W_]+")

_HOME = r"(?:\w{0,6}首页|\w{0,6}主页|home(?: ?page)?)"
_TRAIL_HEAD = re.compile(
    r"(?:您|你)?(?:现在|当前|目前)?(?:所处|所在)?的?(?:位置|所在地|页面)(?:是|为)? ?(?:: ?|(?="
    + _HOME
    + r"))|you are here ?:? ?"
)
_JOINT = re.compile(r" *(?:>+|»|›|→) *| +[-/|·:]+ +|(?<=首页)[-/|·]|(?<=主页)[-/|·]")
_ARROW = re.compile(r"[>»›→]+")
_TRAIL_LAST = re.compile(r"(?:浏览|查看|文章|新闻|页面)?(?:正文|详情|详细|内容|列表)(?:页|内容)?")
_SECTION = re.compile(r".{0,8}(?:新闻|资讯|动态|要闻|公告|公示|通知|通告|频道|栏目|快讯|专题|报道|中心|正文|详情|news)")

_IMAGE = re.compile(
    r"(?:[^\s。!?;,:\"“”]{1,80}(?: ?\(\d+\)| ?- ?(?:副本|copy))?|(?:截屏|截图|屏幕截图|屏幕快照|screen ?shot|微信"
    r"|qq|图片|照片|img|image|photo|"
    r"未命名|untitled)[^。!?;,:\"“”]{0,60})\.(?:jpe?g|png|gif|bmp|webp|svg|heic|tiff?|ico)"
    r"|(?:微信(?:图片|截图|照片)|qq(?:图片|截图)|截屏|屏幕截图|屏幕快照|mmexport|wx_camera|img|dsc|dscn"
    r"|screenshot)[ _]?[\d][\d\-_. ()]{2,40}"
    r"|(?:图片|image|img|photo|pic)[ _]?\d{0,3}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{16,64}"
)
_PROVINCE = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川蜀贵黔云滇藏陕甘陇青宁新港澳台"
_FURNITURE = re.compile(
    "|".join(
        (
            r"template ?['\"][^'\"]+['\"]|\{\{.*\}\}|<!--.*-->|<%.*%>|javascript:.*|\$\{.*\}",
            r"(?:一键)?分享(?:到|至|给)?:?(?: ?(?:微信|微博|新浪|腾讯|qq|空间|朋友圈|好友|豆瓣|人人网|贴吧"
            r"|facebook|twitter|x|line|更多|和|或|[|/、,]))*",
            r"(?:请)?(?:用|使用|打开)?(?:手机|微信)?(?:扫一扫|扫描|扫码)[^。!?]{0,16}(?:二维码|分享|朋友圈|关注"
            r"|手机|阅读|查看|打开|浏览)[^。!?]{0,12}",
            r"(?:打开|下载|前往|进入|安装).{0,10}(?:app|客户端),?(?:内)?(?:查看|阅读|观看|看).{0,12}|\d ?步打开.{0,14}",
            r"点击右上角.{0,4}(?:\.\.\.|···|…).{0,16}",
            r"(?:已有|共有?|全部)? ?\d+ ?(?:人|位网友|网友|条)(?:参与|评论|跟帖|回复)(?:评论|讨论)?,?.{0,16}"
            r"|(?:点击)?查看(?:更多|全部|所有)?(?:精彩)?评论.{0,6}",
            r"(?:最新|最热|热门|全部|精彩|网友)评论 ?\(?\d+\)?(?:条)?|(?:请)?(?:先)?登录后.{0,6}评论.{0,6}|(?:还"
            r"|您还)?可以?输入 ?\d+ ?(?:个)?字符?",
            r"网友评论仅(?:供|代表).{0,40}|(?:以上)?(?:留言|评论)(?:只|仅)代表.{0,30}",
            r"(?:字体|字号)(?:大小)?:?[ 【\[(]*(?:[特超]?[大中小]|默认|加大|缩小|放大|还原|标准|[+\-|/·、\]】\[) ])*",
            r"(?:保护)?视力(?:保护)?色?:.{0,40}",
            r"(?:.{0,30}\b)?(?:网站)?(?:总)?访问(?:总)?(?:量|人数|次数): ?\d[\d,]*|您是.{0,6}第 ?\d+ ?(?:位|个).{0,8}",
            r"(?:建议|推荐|请)使用.{0,30}(?:浏览器|分辨率).{0,24}|.{0,12}最佳(?:浏览|显示)?(?:效果|分辨率).{0,24}",
            r"技术支持:.{0,40}|powered by .{0,40}|power by .{0,40}|.{0,10}网安备.{0,24}|网站标识码:? ?\w{0,20}",
            r"(?:current )?page \d+ of \d+|第 ?\d+ ?页(?: ?[,/] ?)?共 ?\d+ ?页.{0,20}",
        )
    )
)
_LOOSE_LINE = re.compile(
    r"[(\[]?\d{1,7}(?:\.\d+)?[万wk]?\+?[)\]]?|点击右上角.{0,24}|(?:请)?(?:在|用|使用)?(?:系统|默认|手机)?(?:浏览器"
    r"|safari)(?:/\w+)?(?:中|里)?打开.{0,6}"
    r"|(?:打开|下载).{0,12}(?:app|客户端)|(?:produced|designed|built|developed) by .{1,50}|关注.{0,12}(?:公众号"
    r"|微信|微博)"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_OTHER_PAGE = re.compile(
    r"(?:上|下|前|后)一(?:篇|条|页|则|章|个)(?:新闻|文章)? ?[:>».].*|(?:previous|next)(?: (?:post|article"
    r"|page))? ?[:>»].*"
)
_ICP = re.compile(rf"[{_PROVINCE}] ?icp ?(?:备|证)(?:案)?(?:号)?|icp ?(?:备|证)(?:案)?(?:号)?:?(?:第)? ?\d{{4,}}")
_COPYRIGHT = re.compile(
    r"版权所有(?:$|[ ,:!|©\d\-—(]).*|.{0,80}(?:^|[\s)a-z\d]|公司|医院|大学|学院|中心|网|社|局|会"
    r"|部)版权所有(?: ?[|,].*|(?: \S+){0,6})?"
    r"|(?:.{0,40}\W)?(?:copyright|©|\(c\)|copyleft) ?(?:copyright|©|\(c\)|[,:@])? ?(?:\d{4}.*|.{0,100}(?:reserved"
    r"|版权所有|保留所有权利).*)"
    r"|.{0,100}all rights reserved.{0,60}"
)
_FOOTER_FIELD = re.compile(
    r"(?:(?:\w{0,8})?(?:地址|电话|热线|邮编|邮政编码|传真|邮箱|网址)|address|tel|phone|fax|e-?mail) ?:.*?(?= {2,}"
    r"|\||\t|(?<=\S) (?=\S{0,8}:)|[" + _PROVINCE + r"]icp|版权所有|copyright|©|$)"
)

_COUNTER = re.compile(
    r"(?:(?<=[\s|()\[\]【】·,/])|^)(?:"
    r"(?:文章|本文|网页)?(?:点击|浏览|阅读|访问|点阅|人气|点赞|评论|转发|收藏|views?|hits?|reads?)(?:次数|人数"
    r"|总数|量|数|率)?(?: ?: ?"
    r"(?:\d[\d,.]*[万wk]?\+?)? ?(?:次|人|条)?|\s?\d[\d,.]*[万wk]?\+? ?(?:次|人|条)?)"
    r"|\d[\d,]*[万wk]?\+? ?(?:次|人)?(?:点击|浏览|阅读|访问|views|reads)"
    r"|(?:字体|字号)(?:大小)?(?: ?: ?|(?= ?[【\[(]))[【\[(]? ?(?:(?:[特超]?[大中小]|默认|加大|缩小|放大|还原|标准"
    r"|[+\-|/·、]) ?)*"
    r"|(?:打印|关闭|分享|收藏|纠错)(?:本页|本文|此页|窗口|页面|到|至)?:?(?:微信|微博|qq空间|朋友圈| )*"
    r"|(?:大 中 小|大中小)"
    r")(?=$|[\s|()\[\]【】·,/])"
)
_STAMP = r"(?:19|20)\d\d ?[-./年] ?\d{1,2} ?[-./月] ?\d{1,2}(?: ?日)?(?:[ t]\d{1,2}[:时]\d\d(?:[:分]\d\d)?)?"
_BYLINE_FIELD = re.compile(
    r"(?<![^\W_])(?:(?:发布|发表|更新|创建|录入|成文|发文|上传|责任|执行|文章|信息|稿件|新闻|内容|文字|图片|本文"
    r"|特约|通讯)?"
    r"(?:时间|日期|来源|出处|作者|编辑|记者|撰稿|供稿|责编|审核|摄影|编审|校对|通讯员|发布者|发布人|发布单位"
    r"|发布部门|发布机构)"
    r"|date|author|source|by|published|posted|editor|updated)(?: on| by)? ?[:/] ?|(?<!\d)" + _STAMP + r"(?=$|[ |(\[,/])"
)
_BYLINE_EDGE = " \t\u3000\xa0|【[】]()（）·,，/"


def content_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of the lines, or parts of lines, that are content: trimmed, in order, exact offsets.

    Everything between them is furniture or white space. A by-line keeps its fields and loses its counters, so it
    may give several spans; every other line gives one or none.
    """
    return list(_content_spans(text))


@lru_cache(maxsize=2)  # a page is asked for what it says of itself, and then for its passages
def _content_spans(text: str) -> tuple[tuple[int, int], ...]:
    lines = list(_lines(text))
    kinds = _kinds([line for _, _, line in lines])
    spans: list[tuple[int, int]] = []
    for (start, end, line), kind in zip(lines, kinds, strict=True):
        if kind is _Kind.CONTENT:
            spans.extend(_parts(text, start, end, line))
    return tuple(spans)


def is_byline(line: str) -> bool:
    """Tell whether a line begins with a by-line's field or date and holds no sentence."""
    folded = fold(line).strip().lstrip(_EDGE + "([【")
    return len(folded) <= _LONGEST and "。" not in folded and _BYLINE_FIELD.match(folded) is not None


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Give start, end and fold of every line that shows something; a line too long to be furniture folds to ''."""
    for match in re.finditer(r"[^\n]+", text):
        line = match.group()
        body = line.strip()
        folded = fold(body).strip() if len(body) <= _LONGEST else ""
        if folded or len(body) > _LONGEST:
            start = match.start() + line.index(body[0])
            yield start, start + len(body), folded


def _kinds(lines: list[str]) -> list[_Kind]:
    trails = _trails(lines)
    crumbs = set(_crumbs(trails))
    kinds = [
        _Kind.FURNITURE if trail or line in crumbs else _kind(line) for line, trail in zip(lines, trails, strict=True)
    ]
    _settle(kinds, range(len(kinds)))
    _settle(kinds, range(len(kinds) - 1, -1, -1))
    if kinds and kinds[-1] is _Kind.LOOSE:
        kinds[-1] = _Kind.FURNITURE
        _settle(kinds, range(len(kinds) - 1, -1, -1))
    return [_Kind.CONTENT if kind is _Kind.LOOSE else kind for kind in kinds]


def _settle(kinds: list[_Kind], order: Iterable[int]) -> None:
    """Make loose lines furniture when the line before them, in this order, is furniture."""
    beside = False
    for at in order:
        if kinds[at] is _Kind.LOOSE and beside:
            kinds[at] = _Kind.FURNITURE
        beside = kinds[at] is _Kind.FURNITURE


def _trails(lines: list[str]) -> list[list[str]]:
    """Return, for every line, the elements of the navigation trail it is or continues; mostly none."""
    trails: list[list[str]] = []
    for line in lines:
        trail = _trail(line)
        if not trail and trails and trails[-1] and _goes_on(line):
            trail = [crumb for crumb in re.split(r"[-/|>»›→ ]+", line) if crumb]
        trails.append(trail)
    return trails


def _crumbs(trails: list[list[str]]) -> Iterator[str]:
    """Give the elements of trails that may stand again as a line; the last one could be the title."""
    for trail in trails:
        for at, crumb in enumerate(trail):
            if len(crumb) <= 12 and (at < len(trail) - 1 or _SECTION.fullmatch(crumb)):
                yield crumb


def _trail(line: str) -> list[str]:
    """Return the elements of a navigation trail (首页 > 新闻 > 正文), or nothing."""
    if not line or len(line) > 160 or "。" in line:
        return []
    if _ARROW.fullmatch(line):
        return [line]
    core = line.strip(_EDGE)
    head = _TRAIL_HEAD.match(core)
    crumbs = [crumb for crumb in _JOINT.split(core[head.end() :] if head else core) if crumb]
    at_home = bool(crumbs) and re.fullmatch(_HOME, crumbs[0]) is not None
    if head and (at_home or len(crumbs) > 1 or not crumbs):
        return crumbs or ["首页"]
    if len(crumbs) > 1 and at_home:
        return crumbs
    if len(crumbs) > 1 and _TRAIL_LAST.fullmatch(crumbs[-1]) and _ARROW.search(line):
        return crumbs
    return []


def _goes_on(line: str) -> bool:
    return len(line) <= 40 and re.match(r"[-/|>»›→]+ ?\w", line) is not None and "。" not in line


def _kind(line: str) -> _Kind:
    core = line.strip(_EDGE)
    if not line or _is_sentence(core, line):
        return _Kind.CONTENT
    if not core or _RULE.fullmatch(core):
        return _Kind.RULE
    tokens = [token for token in _GAP.split(core) if token]
    if core in _WIDGETS or _is_furniture(core, line) or _is_menu(tokens, core):
        return _Kind.FURNITURE
    if core in _LOOSE or (_LOOSE_LINE.fullmatch(core) and not _YEAR.fullmatch(core)):
        return _Kind.LOOSE
    return _Kind.CONTENT


def _is_sentence(core: str, line: str) -> bool:
    if "。" in core or (core and line.endswith("。") and not line.endswith("。。")):
        return True
    return _ENGLISH_SENTENCE.fullmatch(line) is not None and "reserved" not in line


def _is_furniture(core: str, line: str) -> bool:
    if _FOOTER_FIELD.search(line):
        return False
    if _ICP.search(core) or _COPYRIGHT.fullmatch(core) or _IMAGE.fullmatch(core):
        return True
    return (_FURNITURE.fullmatch(core) or _FURNITURE.fullmatch(line) or _OTHER_PAGE.fullmatch(core)) is not None


def _is_menu(tokens: list[str], core: str) -> bool:
    known = sum(token in _WIDGETS or token in _LOOSE for token in tokens)
    if len(tokens) < 2:
        return False
    if known == len(tokens):
        return True
    barred = re.search(r"[|/·•>»]", core) or not re.search("[a-z]", core)
    return bool(barred) and len(tokens) >= 4 and known >= 2 and all(len(token) <= 8 for token in tokens)


def _parts(text: str, start: int, end: int, line: str) -> list[tuple[int, int]]:
    """Return the spans of a content line that are left when counters, font fields or a footer's marks are cut out."""
    if not line:
        return [(start, end)]
    if _ICP.search(line) or _COPYRIGHT.fullmatch(line):
        folded, offsets = fold_offsets(text[start:end])
        kept = [match.span() for match in _FOOTER_FIELD.finditer(folded)]
    elif "。" not in line and _COUNTER.search(line):
        folded, offsets = fold_offsets(text[start:end])
        kept = _between(folded)
    else:
        return [(start, end)]
    if not kept:
        return []
    spans = ((start + offsets[a], start + offsets[b]) for a, b in kept)
    return [span for span in (_trim_edges(text, *span) for span in spans) if span is not None]


def _between(folded: str) -> list[tuple[int, int]]:
    """Return the stretches around the counters of a by-line; all of it if it is no by-line after all."""
    cuts = [match.span() for match in _COUNTER.finditer(folded)]
    starts = [0, *(end for _, end in cuts)]
    kept = list(zip(starts, [*(begin for begin, _ in cuts), len(folded)], strict=True))
    rest = " ".join(folded[a:b] for a, b in kept).strip(_BYLINE_EDGE)
    if rest and not _BYLINE_FIELD.search(rest):
        return [(0, len(folded))]
    return kept


def _trim_edges(text: str, start: int, end: int) -> tuple[int, int] | None:
    part = text[start:end]
    left = len(part) - len(
        part.lstrip(_BYLINE_EDGE.replace("(", "").replace("[", "").replace("【", "").replace("（", ""))
    )
    right = len(part.rstrip(_BYLINE_EDGE.replace(")", "").replace("]", "").replace("）", "")))
    return (start + left, start + right) if left < right else None


def is_section(line: str) -> bool:
    """Tell whether a line names a section of a site (新闻中心, 通知公告) rather than a page."""
    return _SECTION.fullmatch(fold(line).strip()) is not None
