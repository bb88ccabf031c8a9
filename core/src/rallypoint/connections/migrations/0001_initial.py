from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='ConnectionRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=16)),
                ('service', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=16)),
                ('label', fields.CharField(default='', max_length=200)),
                ('reason', fields.CharField(default='', max_length=300)),
                ('credential', fields.TextField(unique=False)),
                ('version', fields.IntField(default=1)),
                ('seq', fields.BigIntField(default=0)),
                ('created_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'connections', 'app': 'connections', 'unique_together': (('account_id', 'user_id', 'service'),), 'indexes': [Index(fields=['service', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
