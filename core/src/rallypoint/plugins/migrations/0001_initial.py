from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='PluginRecord',
            fields=[
                ('plugin', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('distribution', fields.CharField(max_length=200)),
                ('version', fields.CharField(max_length=100)),
                ('table_prefix', fields.CharField(default='', max_length=64)),
                ('tables', fields.TextField(db_default='[]', unique=False)),
                ('sealed', fields.TextField(db_default='[]', unique=False)),
                ('services', fields.TextField(default='[]', unique=False)),
                ('providers', fields.TextField(default='[]', unique=False)),
                ('listens', fields.TextField(default='[]', unique=False)),
                ('seen_at', fields.BigIntField()),
            ],
            options={'table': 'plugin_records', 'app': 'plugins', 'pk_attr': 'plugin'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PluginResume',
            fields=[
                ('plugin', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=110)),
                ('count', fields.BigIntField()),
            ],
            options={'table': 'plugin_resumes', 'app': 'plugins', 'pk_attr': 'plugin'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PluginState',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=110)),
                ('process_id', fields.CharField(db_index=True, max_length=36)),
                ('plugin', fields.CharField(max_length=110)),
                ('position', fields.IntField()),
                ('state', fields.TextField(unique=False)),
            ],
            options={'table': 'plugin_states', 'app': 'plugins', 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
